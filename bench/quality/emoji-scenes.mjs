#!/usr/bin/env node
// Draws the scenes of the benchmark `emoji` and asks about them. The same seed gives the same scenes.
//
//   node bench/quality/emoji-scenes.mjs [FOLDER] [--count 72] [--seed 19]        (default: cli/evaluate/emoji)
//
// One to four Twemoji on a coloured ground, some with a number on a sign, as the embedded model was trained with. The art
// (emoji-datasource-twitter, CC BY 4.0) comes from npm the first time.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string', default: '72' }, seed: { type: 'string', default: '19' } },
});
const [folder = path.join(ROOT, 'cli', 'evaluate', 'emoji')] = positionals;
const SIDE = 160;

// What the model has names for: code point, one, several.
const OBJECTS =
  `1f436 dog dogs;1f431 cat cats;1f430 rabbit rabbits;1f98a fox foxes;1f43c panda pandas;1f981 lion lions;1f42e cow cows;
1f437 pig pigs;1f438 frog frogs;1f435 monkey monkeys;1f427 penguin penguins;1f989 owl owls;1f98b butterfly butterflies;
1f422 turtle turtles;1f419 octopus octopuses;1f41f fish fish;1f433 whale whales;1f418 elephant elephants;1f332 tree trees;
1f335 cactus cacti;1f33b sunflower sunflowers;1f344 mushroom mushrooms;1f34e apple apples;1f34c banana bananas;
1f353 strawberry strawberries;1f349 watermelon watermelons;1f955 carrot carrots;1f355 pizza pizzas;
1f354 hamburger hamburgers;1f369 doughnut doughnuts;1f382 cake cakes;2615 cup_of_coffee cups_of_coffee;1f697 car cars;
1f68c bus buses;1f6b2 bicycle bicycles;1f680 rocket rockets;26f5 sailboat sailboats;1f3e0 house houses;1f319 moon moons;
2b50 star stars;2602-fe0f umbrella umbrellas;26bd football footballs;1f3b8 guitar guitars;1f511 key keys;1f4d5 book books;
2702-fe0f pair_of_scissors pairs_of_scissors;1f388 balloon balloons;1f451 crown crowns`
    .split(';')
    .map((entry) => entry.trim().split(' '))
    .map(([code, one, several]) => ({ code, one: one.replaceAll('_', ' '), several: several.replaceAll('_', ' ') }));
const COLOURS = {
  ...{ white: [245, 245, 245], black: [25, 25, 25], gray: [128, 128, 128], red: [205, 60, 55], orange: [240, 150, 50] },
  ...{ yellow: [245, 222, 90], green: [80, 165, 85], blue: [65, 115, 205], purple: [135, 80, 170] },
  ...{ pink: [245, 175, 200], brown: [125, 85, 55], turquoise: [75, 190, 185] },
};
const NUMBERS = ['zero', 'one', 'two', 'three', 'four'];

let state = Number(options.seed) || 1;
function share() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) / 2 ** 32;
}
const below = (count) => Math.floor(share() * count);
const between = (low, high) => low + share() * (high - low);
const pick = (list) => list[below(list.length)];
const article = (word) => `${/^[aeio]/.test(word) ? 'an' : 'a'} ${word}`;

const art = path.join(
  os.tmpdir(),
  'paligemma-bench-sprites',
  'node_modules',
  'emoji-datasource-twitter',
  'img',
  'twitter',
);
if (!fs.existsSync(art))
  execFileSync('npm', [
    ...['install', '--silent', '--no-save', '--prefix', path.join(os.tmpdir(), 'paligemma-bench-sprites')],
    'emoji-datasource-twitter@16',
  ]);

/** An emoji with its alpha, and the box of what is solid. */
async function sprite(code, side) {
  const file = path.join(art, '64', `${code}.png`);
  const turned = share() < 0.5 ? await sharp(file).flop().toBuffer() : file;
  const data = await sharp(turned).ensureAlpha().resize(side, side).raw().toBuffer();
  const solid = (x, y) => data[(y * side + x) * 4 + 3] > 76;
  const [xs, ys] = [[], []];
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++)
      if (solid(x, y)) {
        xs.push(x);
        ys.push(y);
      }
  return { data, side, box: [Math.min(...ys), Math.min(...xs), Math.max(...ys) + 1, Math.max(...xs) + 1] };
}

/** Runs of what is not and what is the object, down the columns. */
function runLengths({ data, side }, top, left) {
  const counts = [];
  let [value, run] = [false, 0];
  for (let x = 0; x < SIDE; x++)
    for (let y = 0; y < SIDE; y++) {
      const [u, v] = [x - left, y - top];
      const inside = u >= 0 && v >= 0 && u < side && v < side && data[(v * side + u) * 4 + 3] > 127;
      if (inside === value) run++;
      else {
        counts.push(run);
        [value, run] = [inside, 1];
      }
    }
  return [...counts, run];
}

async function scene(withSign) {
  const colour = pick(Object.keys(COLOURS));
  const [r, g, b] = COLOURS[colour].map((value) => Math.min(255, Math.max(0, Math.round(value + between(-9, 9)))));
  const layers = [];
  let number = '';
  if (withSign) {
    number = String(below(10 ** (1 + below(3))));
    const [w, h] = [Math.round(SIDE * (0.22 + 0.14 * number.length)), Math.round(SIDE * 0.26)];
    const [plate, ink] = pick([
      ['#fff', '#141414'],
      ['#1e1e1e', '#fafafa'],
      ['#1e46a0', '#fafafa'],
    ]);
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}"><rect width="100%" height="100%" fill="${plate}"/>
      <text x="50%" y="52%" fill="${ink}" font-family="DejaVu Sans" font-weight="bold" font-size="${h * 0.86}"
      text-anchor="middle" dominant-baseline="central">${number}</text></svg>`;
    layers.push({ input: Buffer.from(svg), left: below(SIDE - w), top: share() < 0.5 ? 5 : SIDE - h - 5 });
  }
  const count = withSign ? 1 + below(2) : [1, 1, 1, 2, 2, 2, 3, 3, 4][below(9)];
  const cells = (withSign ? [3, 4, 5] : [0, 1, 2, 3, 4, 5, 6, 7, 8]).sort(() => share() - 0.5);
  const first = pick(OBJECTS);
  const objects = [];
  for (let i = 0; i < count; i++) {
    const kind = i === 0 || share() < 0.3 ? first : pick(OBJECTS);
    const alone = count === 1 && !withSign;
    const part = alone ? between(0.26, 0.8) : between(0.24, 0.33);
    const side = Math.round(SIDE * part);
    const at = (cell) => (alone ? between(part / 2, 1 - part / 2) : (cell + 0.5) / 3 + between(-0.05, 0.05));
    const [cy, cx] = [at(Math.floor(cells[i] / 3)), at(cells[i] % 3)];
    const place = (centre) => Math.min(Math.max(Math.round(centre * SIDE - side / 2), 0), SIDE - side);
    const [top, left] = [place(cy), place(cx)];
    const drawn = await sprite(kind.code, side);
    layers.push({ input: drawn.data, raw: { width: side, height: side, channels: 4 }, top, left });
    const [y0, x0, y1, x1] = drawn.box;
    objects.push({ kind, box: [top + y0, left + x0, top + y1, left + x1], counts: runLengths(drawn, top, left) });
  }
  objects.sort((a, b) => a.box[1] + a.box[3] - b.box[1] - b.box[3]);
  const picture = sharp({ create: { width: SIDE, height: SIDE, channels: 3, background: { r, g, b } } })
    .composite(layers)
    .webp({ quality: 88, effort: 6 });
  return { colour, number, objects, picture };
}

function caption(objects) {
  const counts = new Map();
  for (const { kind } of objects) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const parts = [...counts].map(([kind, n]) => (n === 1 ? article(kind.one) : `${NUMBERS[n]} ${kind.several}`));
  return parts.length === 1 ? parts[0] : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

function* questionsAbout({ colour, number, objects }) {
  const kinds = [...new Set(objects.map(({ kind }) => kind))];
  const absent = pick(OBJECTS.filter((kind) => !kinds.includes(kind)));
  const answer = (category, question, targets) => ({
    ...{ split: 'answers', category, question, prompt: `answer en ${question}`, targets },
  });
  yield { split: 'answers', category: 'caption', prompt: 'caption en', targets: caption(objects) };
  if (number) yield { split: 'answers', category: 'number', prompt: 'ocr', targets: number };
  const counted = pick(kinds);
  yield answer(
    'count',
    `how many ${counted.several} are there?`,
    String(objects.filter((o) => o.kind === counted).length),
  );
  const shown = share() < 0.5;
  yield answer(
    'presence',
    `is there ${article((shown ? pick(kinds) : absent).one)} in the image?`,
    shown ? 'yes' : 'no',
  );
  const unique = objects.filter(({ kind }) => objects.filter((o) => o.kind === kind).length === 1);
  if (unique.length > 0) {
    const of = pick(unique);
    const right = objects[objects.indexOf(of) + 1]?.kind.one ?? 'nothing';
    yield answer('place', `what is to the right of the ${of.kind.one}?`, right);
  }
  yield answer('colour', 'what color is the background?', colour);
  const labels = kinds.slice(0, 3);
  const wanted = objects.filter(({ kind }) => labels.includes(kind));
  const targets = wanted.map(({ kind, box: [y0, x0, y1, x1], counts }) => ({
    ...{ label: kind.one, box: [x0, y0, x1 - x0, y1 - y0] },
    area: counts.filter((_, i) => i % 2 === 1).reduce((sum, run) => sum + run, 0),
  }));
  yield { split: 'boxes', labels: labels.map(({ one }) => one), targets };
  for (const { kind, box, counts } of unique.slice(0, 1)) {
    const truth = { height: SIDE, width: SIDE, mask: { size: [SIDE, SIDE], counts }, box: box.map((v) => v / SIDE) };
    yield { split: 'masks', question: kind.one, prompt: `segment ${kind.one}`, targets: truth };
  }
}

fs.mkdirSync(folder, { recursive: true });
for (const name of fs.readdirSync(folder)) if (name.endsWith('.webp')) fs.rmSync(path.join(folder, name));
const lines = [];
for (let i = 0; i < Number(options.count); i++) {
  const made = await scene(i % 6 === 5);
  const name = `${String(i).padStart(3, '0')}.webp`;
  await made.picture.toFile(path.join(folder, name));
  for (const question of questionsAbout(made)) lines.push({ id: String(lines.length), image: name, ...question });
}
fs.writeFileSync(path.join(folder, 'questions.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
const bytes = fs.readdirSync(folder).reduce((sum, name) => sum + fs.statSync(path.join(folder, name)).size, 0);
console.log(`${lines.length} questions on ${options.count} scenes, ${Math.round(bytes / 1000)} kB, in ${folder}`);
