#!/usr/bin/env node
// Draws emoji scenes, for batches: one to three Twemoji on a coloured background. The same seed draws the same scenes.
//
//   node bench/batch/scenes.mjs FOLDER [--count 10000] [--size 112] [--seed 1] [--tar FILE] [--broken 0]
//
// Into a folder of 1,000 pictures each; with --tar into a WebDataset instead, and --broken of them cut in the middle. The art
// (emoji-datasource-twitter, CC BY 4.0) comes from npm the first time.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import tar from 'tar-stream';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '10000' },
    size: { type: 'string', default: '112' },
    seed: { type: 'string', default: '1' },
    tar: { type: 'string' },
    broken: { type: 'string', default: '0' },
  },
});
const [folder = '.'] = positionals;
const count = Number(options.count);
const size = Number(options.size);
const broken = Number(options.broken);

const OBJECTS =
  '1f436 1f431 1f430 1f98a 1f43c 1f981 1f42e 1f437 1f438 1f435 1f427 1f989 1f98b 1f422 1f419 1f41f 1f433 1f418 1f332 1f335 1f33b 1f344 1f34e 1f34c 1f353 1f349 1f955 1f355 1f354 1f369 1f382 2615 1f697 1f68c 1f6b2 1f680 26f5 1f3e0 1f319 2b50 2602-fe0f 26bd 1f3b8 1f511 1f4d5 2702-fe0f 1f388 1f451'.split(
    ' ',
  );

let state = Number(options.seed) || 1;
function random(below) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
}

const art = await sprites();
const writeScene = options.tar ? tarWriter(options.tar) : folderWriter();
for (let i = 0; i < count; i++) {
  const picture = await draw();
  // Spread evenly, and cut where the header is whole and the pixels are not.
  const cut = broken > 0 && Math.floor(((i + 1) * broken) / count) > Math.floor((i * broken) / count);
  await writeScene(String(i).padStart(6, '0'), cut ? picture.subarray(0, picture.length >> 1) : picture);
}
await writeScene.end();

async function draw() {
  const background = { r: random(256), g: random(256), b: random(256) };
  const side = Math.round(size * 0.4);
  const free = [0, 1, 2, 3];
  const cells = Array.from({ length: 1 + random(3) }, () => free.splice(random(free.length), 1)[0]);
  const layers = cells.map((cell) => ({
    input: art[random(art.length)],
    left: Math.round(((cell % 2) * size) / 2 + random(Math.max(1, size / 2 - side))),
    top: Math.round((Math.floor(cell / 2) * size) / 2 + random(Math.max(1, size / 2 - side))),
  }));
  return sharp({ create: { width: size, height: size, channels: 3, background } })
    .composite(layers)
    .png()
    .toBuffer();
}

async function sprites() {
  const cache = path.join(os.tmpdir(), 'paligemma-bench-sprites');
  const images = path.join(cache, 'node_modules', 'emoji-datasource-twitter', 'img', 'twitter', '64');
  if (!fs.existsSync(images)) {
    fs.mkdirSync(cache, { recursive: true });
    execFileSync('npm', ['install', '--silent', '--no-save', '--prefix', cache, 'emoji-datasource-twitter@16']);
  }
  const side = Math.round(size * 0.4);
  return Promise.all(
    OBJECTS.map((name) =>
      sharp(path.join(images, `${name}.png`))
        .resize(side, side)
        .png()
        .toBuffer(),
    ),
  );
}

function folderWriter() {
  const write = (name, picture) => {
    const part = path.join(folder, name.slice(0, 3));
    fs.mkdirSync(part, { recursive: true });
    fs.writeFileSync(path.join(part, `${name}.png`), picture);
  };
  return Object.assign(write, { end() {} });
}

function tarWriter(file) {
  fs.mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
  const pack = tar.pack();
  const out = pack.pipe(fs.createWriteStream(file));
  const write = async (name, picture) => {
    pack.entry({ name: `${name}.png` }, picture);
    pack.entry({ name: `${name}.json` }, JSON.stringify({ number: Number(name) }));
    if (out.writableNeedDrain) await new Promise((resolve) => out.once('drain', resolve));
  };
  return Object.assign(write, {
    end() {
      pack.finalize();
      return new Promise((resolve) => out.on('finish', resolve));
    },
  });
}
