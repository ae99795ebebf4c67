// What an application does first, as the ways in which Node runs it: each captions a picture.
import fs from 'node:fs';
import path from 'node:path';

const CAPTION = 'an owl and a cat';
/** Elsewhere than the checkout, under a name that Windows has in another code page or none. */
const PICTURE = path.join('Übungen', '画像.png');

const BODY = `PaliGemma.load('embedded').then(async (model) => {
  console.log(await model.caption(${JSON.stringify(PICTURE)}));
  await model.dispose();
});
`;
const FILES = {
  'package.json': '{ "name": "application", "private": true }\n',
  'module.mjs': `import { PaliGemma } from 'node-paligemma';\n${BODY}`,
  'common.cjs': `const { PaliGemma } = require('node-paligemma');\n${BODY}`,
  'isolated.mjs': `import { PaliGemma } from 'node-paligemma';\n${BODY.replace("'embedded'", "'embedded', { isolated: true }")}`,
  'worker.mjs': `import { Worker } from 'node:worker_threads';
for (let i = 0; i < 3; i++) {
  const worker = new Worker(new URL('./module.mjs', import.meta.url));
  await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
}
`,
};

const PICTURES = 200;

/**
 * A batch that Ctrl-C ends in a console, and that is gone on with.
 * @param node as a path
 * @returns what is wrong, or nothing
 */
export async function interruptBatch(system, node) {
  const folder = path.join(system.project, 'application');
  const pictures = path.join(folder, 'many');
  const output = path.join(folder, 'many.jsonl');
  fs.mkdirSync(pictures, { recursive: true });
  for (let i = 0; i < PICTURES; i++) fs.copyFileSync(path.join(folder, PICTURE), path.join(pictures, `${i}.png`));
  fs.rmSync(output, { force: true });
  const lines = () => (fs.existsSync(output) ? fs.readFileSync(output, 'utf8').split('\n').length - 1 : 0);
  const batch = ['../cli/paligemma.js', 'batch', 'many', '--model', 'embedded', '--output', 'many.jsonl'];
  const { status, shown } = await system.interrupt(node, batch, { cwd: folder, ready: () => lines() >= 20 });
  if (status !== 130) return `ended with status ${status}: ${shown}`;
  if (!shown.includes('--resume')) return `does not say how to go on: ${shown}`;
  const before = lines();
  if (before < 20 || before >= PICTURES) return `${before} of ${PICTURES} were answered`;
  const rest = system.run(node, [...batch, '--resume'], { cwd: folder, timeout: 120_000 });
  if (rest.status !== 0 || lines() !== PICTURES) return `has ${lines()} answers in the end: ${rest.stderr}`;
}

/** @returns the programs by name: arguments for Node, and what they print */
export function layOutPrograms(project) {
  const folder = path.join(project, 'application');
  fs.mkdirSync(path.join(folder, 'Übungen'), { recursive: true });
  for (const [name, text] of Object.entries(FILES)) fs.writeFileSync(path.join(folder, name), text);
  fs.copyFileSync(path.join(project, 'examples', 'images', 'owl-and-cat.png'), path.join(folder, PICTURE));
  return {
    folder,
    programs: [
      { name: 'paligemma caption', args: ['../cli/paligemma.js', 'caption', PICTURE], prints: CAPTION },
      { name: 'import', args: ['module.mjs'], prints: CAPTION },
      { name: 'require', args: ['common.cjs'], prints: CAPTION },
      { name: 'three workers', args: ['worker.mjs'], prints: Array(3).fill(CAPTION).join('\n') },
      { name: 'a process of its own', args: ['isolated.mjs'], prints: CAPTION },
    ],
  };
}
