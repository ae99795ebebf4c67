// Benchmarks as the hub has them: Parquet files with the pictures inside.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import type { Question } from '../../cli/evaluate/benchmark.js';
import { evaluationOf, questionsOf } from '../../cli/evaluate/evaluation.js';
import { Pictures } from '../../cli/evaluate/layout/pictures.js';
import { paligemma } from '../helpers/command.js';
import { emoji, scratch } from '../helpers/fixtures.js';
import { ASKED, expectedText, numbered, SCENES, type Scene } from './owners.js';
import { type Kind, writeParquet } from './parquet-files.js';

type Columns = Record<string, { kind: Kind; data: unknown[] }>;

const text = (data: (string | null)[]) => ({ kind: 'text' as const, data });
const texts = (data: string[][]) => ({ kind: 'texts' as const, data });
const number = (data: number[]) => ({ kind: 'number' as const, data });
const bytes = ({ file }: Scene) => fs.readFileSync(emoji('scenes', file));
const pictures = (scenes: (Scene | null)[]) => ({
  kind: 'picture' as const,
  data: scenes.map((scene) => scene && { bytes: bytes(scene), path: scene.file }),
});
const questions = text(ASKED.map(({ question }) => question));
const image = pictures(ASKED.map(({ scene }) => scene));
const ids = ASKED.map((_, i) => i);
const people = ({ truth }: { truth: string }) => [truth, truth, 'another'];
const captions = ({ background }: Scene) => [`a ${background} picture`, 'emoji'];

/** In parts, as large sets are. */
function write(folder: string, split: string, columns: Columns, parts = 2): void {
  const [first] = Object.values(columns);
  const size = Math.ceil((first?.data.length ?? 0) / parts);
  for (let part = 0; part < parts; part++)
    writeParquet(
      path.join(folder, `${split}-${String(part).padStart(5, '0')}-of-${String(parts).padStart(5, '0')}.parquet`),
      Object.fromEntries(
        Object.entries(columns).map(([name, { kind, data }]) => [
          name,
          { kind, data: data.slice(part * size, (part + 1) * size) },
        ]),
      ),
    );
}

interface Case {
  folder?: string;
  file: string;
  columns: Columns;
  split?: string;
  /** Beside it. */
  more?: (root: string) => void;
  /** What is asked of each row: an empty one for a row that is left out. */
  wanted: ({ scene: Scene } & Partial<Question>)[];
}

const answerEn = (question: string) => `answer en ${question}`;
const yesNo = ASKED.filter(({ truth }) => truth === 'yes' || truth === 'no');
const half = ASKED.length / 2;

const CASES: Record<string, Case> = {
  docvqa: {
    ...{ folder: 'DocVQA', file: 'validation' },
    columns: {
      ...{ questionId: text(ids.map(String)), question: questions, image },
      ...{ answers: texts(ASKED.map(people)), question_types: texts(ASKED.map(() => ['layout'])) },
    },
    wanted: ASKED.map(({ scene, question, truth }, i) => ({
      ...{ scene, id: String(i), prompt: question, targets: people({ truth }), category: 'layout' },
    })),
  },
  infovqa: {
    ...{ folder: 'InfographicVQA', file: 'validation' },
    columns: {
      ...{ questionId: text(ids.map(String)), question: questions, image, answers: texts(ASKED.map(people)) },
    },
    wanted: ASKED.map(({ scene, question, truth }, i) => ({
      ...{ scene, id: String(i), prompt: question, targets: people({ truth }) },
    })),
  },
  textvqa: {
    ...{ folder: 'data', file: 'validation' },
    columns: { question_id: number(ids), question: questions, image, answers: texts(ASKED.map(people)) },
    wanted: ASKED.map(({ scene, question, truth }, i) => ({
      ...{ scene, id: String(i), prompt: answerEn(question), targets: people({ truth }) },
    })),
  },
  chartqa: {
    file: 'test',
    columns: {
      type: text(ids.map((i) => (i < half ? 'human_test' : 'augmented_test'))),
      ...{ question: questions, image, answer: text(ASKED.map(({ truth }) => truth)) },
    },
    wanted: ASKED.map(({ scene, question, truth }, i) => ({
      ...{ scene, prompt: question, targets: truth, category: i < half ? 'human' : 'augmented' },
    })),
  },
  gqa: {
    ...{ folder: 'testdev_balanced_instructions', file: 'testdev' },
    columns: {
      id: text(ids.map((i) => `q${i}`)),
      imageId: text(ASKED.map(({ scene }) => scene.file)),
      ...{ question: questions, answer: text(ASKED.map(({ truth }) => truth)) },
      types: { kind: 'types', data: ASKED.map(() => ({ structural: 'query' })) },
    },
    more: (root) =>
      write(path.join(root, 'testdev_balanced_images'), 'testdev', {
        ...{ id: text(SCENES.map(({ file }) => file)), image: pictures(SCENES) },
      }),
    wanted: ASKED.map(({ scene, question, truth }, i) => ({
      ...{ scene, id: `q${i}`, prompt: answerEn(question), targets: truth, category: 'query' },
    })),
  },
  pope: {
    ...{ folder: 'data', file: 'test', split: 'popular' },
    columns: {
      question_id: text(yesNo.map((_, i) => String(i))),
      question: text(yesNo.map(({ question }) => question)),
      answer: text(yesNo.map(({ truth }) => truth)),
      category: text(yesNo.map((_, i) => (i % 2 === 0 ? 'popular' : 'random'))),
      image: pictures(yesNo.map(({ scene }) => scene)),
    },
    wanted: yesNo.flatMap(({ scene, question, truth }, i) =>
      i % 2 === 0 ? [{ scene, id: `popular/${i}`, prompt: answerEn(question), targets: truth }] : [],
    ),
  },
  scienceqa: {
    ...{ folder: 'data', file: 'test' },
    columns: {
      question: questions,
      choices: texts(ASKED.map(({ truth }) => [truth, 'another'])),
      answer: number(ids.map(() => 0)),
      ...{ hint: text(ids.map(() => '')), subject: text(ids.map(() => 'social science')) },
      image: pictures(ASKED.map(({ scene }, i) => (i % 3 === 0 ? null : scene))),
    },
    wanted: ASKED.flatMap(({ scene, question, truth }, i) =>
      i % 3 === 0
        ? []
        : [{ scene, id: String(i), question, targets: 'A', prompt: expect.stringContaining(`(A) ${truth}`) as never }],
    ),
  },
  vqav2: {
    ...{ folder: 'data', file: 'validation' },
    columns: {
      ...{ question_id: number(ids), question: questions, image },
      answers: { kind: 'answers', data: ASKED.map((one) => people(one).map((answer) => ({ answer }))) },
      answer_type: text(ids.map(() => 'other')),
    },
    wanted: ASKED.map(({ scene, question, truth }, i) => ({
      ...{ scene, id: String(i), prompt: answerEn(question), targets: people({ truth }), category: 'other' },
    })),
  },
  okvqa: {
    ...{ folder: 'data', file: 'val2014' },
    columns: { question_id: number(ids), question: questions, image, answers: texts(ASKED.map(people)) },
    wanted: ASKED.map(({ scene, question, truth }, i) => ({
      ...{ scene, id: String(i), prompt: answerEn(question), targets: people({ truth }) },
    })),
  },
  nocaps: {
    ...{ folder: 'data', file: 'validation' },
    columns: {
      image_id: number(SCENES.map((_, i) => i)),
      ...{ annotations_captions: texts(SCENES.map(captions)), image: pictures(SCENES) },
    },
    wanted: SCENES.map((scene, i) => ({ scene, id: String(i), prompt: 'caption en', targets: captions(scene) })),
  },
  textcaps: {
    ...{ folder: 'data', file: 'val' },
    columns: {
      image_id: text(SCENES.map(({ file }) => file)),
      ...{ caption_str: texts(SCENES.map(captions)), image: pictures(SCENES) },
    },
    wanted: SCENES.map((scene) => ({ scene, id: scene.file, prompt: 'caption en', targets: captions(scene) })),
  },
  'coco-captions': {
    ...{ folder: 'data', file: 'val', split: 'val2017' },
    columns: {
      question_id: text(SCENES.map((_, i) => `${numbered(i)}.jpg`)),
      ...{ answer: texts(SCENES.map(captions)), image: pictures(SCENES) },
    },
    wanted: SCENES.map((scene, i) => ({ scene, id: String(i), prompt: 'caption en', targets: captions(scene) })),
  },
};

const made = (name: string, { folder = '.', file, columns, more }: Case): string => {
  const root = scratch(`hub-${name}`);
  write(path.join(root, folder), file, columns);
  more?.(root);
  return root;
};

test.each(Object.entries(CASES))('%s: its columns, and its pictures byte for byte', async (benchmark, one) => {
  const wanted = { benchmark, split: one.split, data: made(benchmark, one) };
  const asked = await questionsOf(evaluationOf(wanted), wanted);
  expect(asked).toEqual(one.wanted.map(({ scene: _, ...known }) => expect.objectContaining(known)));
  const read = new Pictures();
  for (const [i, { image }] of asked.entries())
    expect(bytes(one.wanted[i]?.scene as Scene).equals((await read.of(image)) as Buffer)).toBe(true);
});

test('every benchmark that the hub has is among these', async () => {
  const { benchmarks } = await import('../../cli/evaluate/benchmarks/index.js');
  const there = benchmarks.filter(({ hub }) => hub).map(({ name }) => name);
  expect(there.sort()).toEqual(Object.keys(CASES).sort());
});

test('is answered as in the owner’s layout, resumed, scored again and shown with its pictures', async () => {
  const data = made('textvqa', CASES.textvqa as Case);
  const output = path.join(scratch('hub-run'), 'out.jsonl');
  const report = path.join(path.dirname(output), 'report.html');
  const run = ['evaluate', 'textvqa', '--data', data, '--model', 'embedded', '--json'];
  const { status, out } = await paligemma(...run, '--output', output, '--report', report);
  expect(status).toBe(0);
  const lines = fs.readFileSync(output, 'utf8').trim().split('\n');
  const predictions = lines.map((line) => JSON.parse(line)).sort((a, b) => a.index - b.index);
  expect(predictions.map(({ prediction }) => prediction)).toEqual(
    ASKED.map(({ scene, question }) => expectedText(scene.file, answerEn(question))),
  );
  expect(predictions[0].image).toMatch(/validation-00000-of-00002\.parquet#image\/0$/);
  expect(fs.readFileSync(report, 'utf8')).toContain('data:image/webp;base64,');
  fs.writeFileSync(output, `${lines.slice(0, 7).join('\n')}\n`);
  const resumed = await paligemma(...run, '--output', output, '--resume');
  expect(JSON.parse(resumed.out).scores).toEqual(JSON.parse(out).scores);
});

test('says what is missing or wrong', async () => {
  const data = made('textvqa', CASES.textvqa as Case);
  const folder = path.join(data, 'data');
  const ask = () => {
    const wanted = { benchmark: 'textvqa', data };
    return questionsOf(evaluationOf(wanted), wanted);
  };
  const [first = '', second = ''] = fs.readdirSync(folder).map((name) => path.join(folder, name));
  fs.renameSync(second, `${second}.part`);
  await expect(ask()).rejects.toThrow(/has 1 of 2 files validation-\*\.parquet/);
  fs.renameSync(`${second}.part`, second);
  fs.truncateSync(first, fs.statSync(first).size - 9);
  await expect(ask()).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT', message: /cannot be read as Parquet/ });
  writeParquet(first, { question: questions });
  await expect(ask()).rejects.toThrow(/has no column question_id, answers/);
  fs.rmSync(folder, { recursive: true });
  await expect(ask()).rejects.toThrow(
    /lacks .*or the Parquet files of https:\/\/huggingface\.co\/datasets\/lmms-lab\//,
  );
});

test('keeps no more than it needs of pictures that are read in a row', async () => {
  const data = made('textvqa', CASES.textvqa as Case);
  const file = fs.readdirSync(path.join(data, 'data'))[0] as string;
  const read = new Pictures();
  const cell = (row: number | string) => `${path.join(data, 'data', file)}#image/${row}`;
  // The same group at the same time is read once: both are the same bytes in memory.
  const [a, b] = await Promise.all([read.of(cell(0)), read.of(cell(0))]);
  expect(a).toBe(b);
  await expect(read.of(cell(9999))).rejects.toThrow('has no row 9999');
  expect(await read.of('a.png')).toBe('a.png');
});
