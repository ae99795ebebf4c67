#!/usr/bin/env node
// What a batch of large photos holds in memory: makes them, runs the command line over them, looks at its resident memory as it
// goes on (and that of its children, where it has any) and prints JSON.
//
//   node bench/batch/memory.mjs [--photos 500] [--size 4000x3000] [--folder DIR] [--root DIR] [--source folder|tar] [--rounds 1]
//
// --folder keeps the photos for the next time; --root runs another checkout than this one, several of them in turns:
// --root before --root after.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import tar from 'tar-stream';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { values: options } = parseArgs({
  options: {
    photos: { type: 'string', default: '500' },
    size: { type: 'string', default: '4000x3000' },
    folder: { type: 'string' },
    root: { type: 'string', multiple: true, default: [ROOT] },
    source: { type: 'string', default: 'folder' },
    rounds: { type: 'string', default: '1' },
  },
});
const photos = Number(options.photos);
const [width, height] = options.size.split('x').map(Number);
const folder = options.folder ?? fs.mkdtempSync(path.join(os.tmpdir(), 'paligemma-photos-'));

const input = await makePhotos();
const runs = [];
for (let round = 0; round < Number(options.rounds); round++)
  for (const root of options.root) {
    const run = await batch(path.resolve(root));
    console.error(JSON.stringify(run));
    runs.push(run);
  }
if (!options.folder) fs.rmSync(folder, { recursive: true });
console.log(
  JSON.stringify(
    {
      processor: os.cpus()[0]?.model,
      cores: os.cpus().length,
      node: process.version,
      photos,
      size: options.size,
      runs,
    },
    null,
    2,
  ),
);

/** Windows of one large picture, each moved a little: gradients, soft spots and noise. Every photo differs from every other. */
async function makePhotos() {
  const name = (i) => path.join(folder, `${options.size}-${String(i).padStart(4, '0')}.jpg`);
  fs.mkdirSync(folder, { recursive: true });
  let large;
  const files = [];
  for (let i = 0; i < photos; i++) {
    files.push(name(i));
    if (fs.existsSync(name(i))) continue;
    large ??= await scenery();
    const region = { left: (i % 32) * 31, top: Math.floor(i / 32) * 61, width, height };
    await sharp(large, { raw: { width: width + 1000, height: height + 1000, channels: 3 } })
      .extract(region)
      .jpeg({ quality: 88 })
      .toFile(name(i));
  }
  const list = path.join(folder, `${options.size}-${photos}.${options.source === 'tar' ? 'tar' : 'txt'}`);
  if (options.source !== 'tar') fs.writeFileSync(list, files.join('\n'));
  else if (!fs.existsSync(list)) await pack(list, files);
  return list;
}

async function scenery() {
  const [across, down] = [width + 1000, height + 1000];
  const raw = (side) => ({ raw: { width: side, height: side, channels: 3 } });
  const spots = Buffer.alloc(48 * 48 * 3);
  let state = 1;
  for (let i = 0; i < spots.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    spots[i] = state >>> 24;
  }
  const noise = await sharp({
    create: { width: across, height: down, channels: 3, noise: { type: 'gaussian', mean: 128, sigma: 12 } },
  })
    .png({ compressionLevel: 1 })
    .toBuffer();
  return sharp(spots, raw(48))
    .resize(across, down, { kernel: 'cubic', fit: 'fill' })
    .composite([{ input: noise, blend: 'overlay' }])
    .removeAlpha()
    .raw()
    .toBuffer();
}

async function pack(file, pictures) {
  const packed = tar.pack();
  const out = packed.pipe(fs.createWriteStream(file));
  for (const picture of pictures) {
    packed.entry({ name: path.basename(picture) }, fs.readFileSync(picture));
    if (out.writableNeedDrain) await new Promise((resolve) => out.once('drain', resolve));
  }
  packed.finalize();
  await new Promise((resolve) => out.on('finish', resolve));
}

async function batch(root) {
  const out = fs.mkdtempSync(path.join(os.tmpdir(), 'paligemma-batch-'));
  const args = [
    'batch',
    input,
    '--model',
    path.join(root, 'models', 'paligemma-emoji-112'),
    '--max-tokens',
    '8',
    '--json',
  ];
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [path.join(root, 'cli', 'dist', 'cli.js'), ...args, '--output', path.join(out, 'out.jsonl')],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const samples = [];
  const timer = setInterval(() => samples.push(resident(child.pid)), 50);
  let printed = '';
  for await (const chunk of child.stdout) printed += chunk;
  clearInterval(timer);
  const seconds = (performance.now() - started) / 1000;
  const lines = fs
    .readFileSync(path.join(out, 'out.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  fs.rmSync(out, { recursive: true });
  if (new Set(lines.map(({ id }) => id)).size !== photos || lines.some(({ error }) => error))
    throw new Error('the output is not whole');
  const megabytes = samples.filter((bytes) => bytes > 0).map((bytes) => Math.round(bytes / 1e6));
  const tenths = Array.from({ length: 10 }, (_, i) => megabytes[Math.ceil(((i + 1) / 10) * megabytes.length) - 1]);
  return {
    root: path.basename(root),
    source: options.source,
    maxResidentMegabytes: Math.max(...megabytes),
    tenths,
    photosPerSecond: Math.round((photos / seconds) * 100) / 100,
    summary: JSON.parse(printed),
  };
}

/** Resident bytes of a process and of all that it has started. */
function resident(pid) {
  try {
    const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
    const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024 + children.reduce((sum, id) => sum + resident(id), 0);
  } catch {
    return 0; // it has ended
  }
}
