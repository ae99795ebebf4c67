// Each benchmark from end to end: a small set in its owner's layout, the embedded model, and a score computed here in another way.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { paligemma } from '../helpers/command.js';
import { scratch } from '../helpers/fixtures.js';
import { ASKED, expectedText, numbered, Owner, SCENES, type Scene } from './owners.js';

interface Line {
  id: string;
  image: string;
  prompt?: string;
  prediction: string;
  targets: string | string[];
  category?: string;
  group?: string;
}

interface Case {
  make(owner: Owner): void;
  /** From 0 to 1. */
  score(lines: Line[]): number;
  prompt(line: Line): string;
  questions: number;
  args?: string[];
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const share = (lines: Line[], right: (line: Line) => boolean) => mean(lines.map((line) => (right(line) ? 1 : 0)));
const times = (answer: string, answers: string[]) => answers.filter((one) => one === answer).length;
const soft = ({ prediction, targets }: Line) => Math.min(times(prediction, targets as string[]) / 3, 1);
const leaveOneOut = ({ prediction, targets }: Line) => {
  const answers = targets as string[];
  return mean(answers.map((_, i) => Math.min(times(prediction, answers.toSpliced(i, 1)) / 3, 1)));
};
const byCategory = (lines: Line[], score: (of: Line[]) => number) =>
  mean(
    [...new Set(lines.map(({ category }) => category))].map((name) =>
      score(lines.filter((line) => line.category === name)),
    ),
  );

/** Ten answers of people who mostly agree. */
const people = (truth: string, i: number) =>
  Array.from({ length: 10 }, (_, k) => (k < 1 + (i % 4) ? truth : 'something else'));
const coco = (scene: Scene) => SCENES.indexOf(scene) + 100;
const pictures = (owner: Owner, name: (scene: Scene) => string) => {
  for (const scene of SCENES) owner.picture(scene, name(scene));
};
const vqaFiles = (owner: Owner, questions: string, annotations: string) => {
  owner.json(questions, {
    questions: ASKED.map(({ scene, question }, i) => ({ question_id: i, image_id: coco(scene), question })),
  });
  owner.json(annotations, {
    annotations: ASKED.map(({ truth }, i) => ({
      question_id: i,
      answer_type: truth === 'yes' || truth === 'no' ? 'yes/no' : 'other',
      answers: people(truth, i).map((answer) => ({ answer })),
    })),
  });
  pictures(owner, (scene) => `val2014/COCO_val2014_${numbered(coco(scene))}.jpg`);
};
const answerEn = ({ image, prompt = '' }: Line) => {
  expect(fs.existsSync(image)).toBe(true);
  return prompt.startsWith('answer en ') ? prompt : '';
};
const bare = (question: string) => `answer en ${question}`;
const editShare = (a: string, b: string): number => {
  const row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    let before = row[0] as number;
    row[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const here = row[j] as number;
      row[j] = Math.min(here + 1, (row[j - 1] as number) + 1, before + (a[i - 1] === b[j - 1] ? 0 : 1));
      before = here;
    }
  }
  return (row[b.length] as number) / Math.max(a.length, b.length, 1);
};
const nearness = ({ prediction, targets }: Line) =>
  Math.max(
    ...(targets as string[])
      .map((one) => editShare(prediction.toLowerCase(), one.toLowerCase()))
      .map((e) => (e < 0.5 ? 1 - e : 0)),
  );
const yesNo = ASKED.filter(({ truth }) => truth === 'yes' || truth === 'no');
const counts = ASKED.filter(({ question }) => question.startsWith('how many'));

const CASES: Record<string, Case> = {
  scienceqa: {
    make(owner) {
      const problems = SCENES.map((scene, i) => ({
        ...{ question: 'what color is the background?', choices: [scene.background, 'none'], answer: 0, hint: '' },
        ...{
          image: i === 3 ? null : 'image.png',
          subject: i % 2 === 0 ? 'natural science' : 'social science',
          split: 'test',
        },
      }));
      owner.json('problems.json', Object.fromEntries(problems.map((problem, i) => [String(i + 1), problem])));
      owner.json('pid_splits.json', { test: SCENES.map((_, i) => String(i + 1)), val: [] });
      for (const [i, scene] of SCENES.entries()) if (i !== 3) owner.picture(scene, `images/test/${i + 1}/image.png`);
    },
    questions: 11, // one has no picture
    prompt: () => '',
    score: (lines) => share(lines, ({ prediction }) => /^the answer is a\./i.test(prediction)),
  },
  pope: {
    make(owner) {
      for (const part of ['random', 'popular', 'adversarial'])
        owner.text(
          `coco_pope_${part}.json`,
          yesNo
            .slice(part === 'random' ? 0 : 4)
            .map(({ scene, question, truth }, i) =>
              JSON.stringify({
                ...{
                  question_id: i + 1,
                  image: `COCO_val2014_${numbered(coco(scene))}.jpg`,
                  text: question,
                  label: truth,
                },
              }),
            )
            .join('\n'),
        );
      pictures(owner, (scene) => `val2014/COCO_val2014_${numbered(coco(scene))}.jpg`);
    },
    questions: 3 * yesNo.length - 8,
    prompt: answerEn,
    score: (lines) => byCategory(lines, (of) => share(of, ({ prediction, targets }) => prediction === targets)),
  },
  gqa: {
    make(owner) {
      const asked = ASKED.map(({ scene, question, truth }, i) => [
        `q${i}`,
        { imageId: `n${coco(scene)}`, question, answer: truth, types: { structural: 'query' } },
      ]);
      owner.json('testdev_balanced_questions.json', Object.fromEntries(asked));
      pictures(owner, (scene) => `images/n${coco(scene)}.jpg`);
    },
    questions: ASKED.length,
    prompt: answerEn,
    score: (lines) => share(lines, ({ prediction, targets }) => prediction === targets),
  },
  vqav2: {
    make: (owner) =>
      vqaFiles(owner, 'v2_OpenEnded_mscoco_val2014_questions.json', 'v2_mscoco_val2014_annotations.json'),
    questions: ASKED.length,
    prompt: answerEn,
    score: (lines) => mean(lines.map(leaveOneOut)),
  },
  okvqa: {
    make: (owner) => vqaFiles(owner, 'OpenEnded_mscoco_val2014_questions.json', 'mscoco_val2014_annotations.json'),
    questions: ASKED.length,
    prompt: answerEn,
    score: (lines) => mean(lines.map(soft)),
  },
  aokvqa: {
    make(owner) {
      const asked = ASKED.map(({ scene, question, truth }, i) => ({
        ...{ question_id: `q${i}`, image_id: coco(scene), question, direct_answers: people(truth, i), choices: ['a'] },
      }));
      owner.json('aokvqa_v1p0_val.json', asked);
      pictures(owner, (scene) => `val2017/${numbered(coco(scene))}.jpg`);
    },
    questions: ASKED.length,
    prompt: answerEn,
    score: (lines) => mean(lines.map(soft)),
  },
  textvqa: {
    make(owner) {
      const data = ASKED.map(({ scene, question, truth }, i) => ({
        ...{ question_id: i, image_id: `t${coco(scene)}`, question, answers: people(truth, i) },
      }));
      owner.json('TextVQA_0.5.1_val.json', { data });
      pictures(owner, (scene) => `train_images/t${coco(scene)}.jpg`);
    },
    questions: ASKED.length,
    prompt: answerEn,
    score: (lines) => mean(lines.map(leaveOneOut)),
  },
  docvqa: {
    make(owner) {
      const data = ASKED.map(({ scene, question, truth }, i) => ({
        ...{ questionId: i, question: bare(question), image: `documents/d${coco(scene)}.png` },
        ...{ answers: [truth, `${truth}s`], question_types: [i % 2 === 0 ? 'figure/diagram' : 'layout'] },
      }));
      owner.json('val_v1.0_withQT.json', { data });
      pictures(owner, (scene) => `documents/d${coco(scene)}.png`);
    },
    questions: ASKED.length,
    prompt: ({ prompt = '' }) => prompt,
    score: (lines) => mean(lines.map(nearness)),
  },
  infovqa: {
    make(owner) {
      const data = ASKED.map(({ scene, question, truth }, i) => ({
        ...{ questionId: i, question: bare(question), image_local_name: `${coco(scene)}.jpeg`, answers: [truth] },
      }));
      owner.json('infographicsVQA_val_v1.0_withQT.json', { data });
      pictures(owner, (scene) => `infographicsvqa_images/${coco(scene)}.jpeg`);
    },
    questions: ASKED.length,
    prompt: ({ prompt = '' }) => prompt,
    score: (lines) => mean(lines.map(nearness)),
  },
  chartqa: {
    make(owner) {
      const part = (asked: typeof ASKED) =>
        asked.map(({ scene, question, truth }) => ({
          imgname: `${coco(scene)}.png`,
          query: bare(question),
          label: truth,
        }));
      owner.json('test/test_human.json', part(ASKED.slice(0, 30)));
      owner.json('test/test_augmented.json', part(ASKED.slice(30)));
      pictures(owner, (scene) => `test/png/${coco(scene)}.png`);
    },
    questions: ASKED.length,
    prompt: ({ prompt = '' }) => prompt,
    // Numbers here are small and whole: within 5 % is equal.
    score: (lines) => byCategory(lines, (of) => share(of, ({ prediction, targets }) => prediction === targets)),
  },
  tallyqa: {
    make(owner) {
      const asked = counts.map(({ scene, question, truth }, i) => ({
        ...{ question_id: i, image_id: coco(scene), image: `VG_100K_2/${coco(scene)}.jpg`, question },
        ...{ answer: Number(truth), issimple: i % 2 === 0 },
      }));
      owner.json('test.json', asked);
      pictures(owner, (scene) => `VG_100K_2/${coco(scene)}.jpg`);
    },
    questions: counts.length,
    prompt: answerEn,
    score: (lines) => share(lines, ({ prediction, targets }) => prediction === targets),
  },
  mmvp: {
    make(owner) {
      const rows = SCENES.map(({ background }, i) => {
        const [a, b] = i % 2 === 0 ? [background, 'none'] : ['none', background];
        return `${i + 1},what color is the background?,(a) ${a} (b) ${b},${i % 2 === 0 ? '(a)' : '(b)'}`;
      });
      owner.text('Questions.csv', ['Index,Question,Options,Correct Answer', ...rows].join('\n'));
      for (const [i, scene] of SCENES.entries()) owner.picture(scene, `MMVP Images/${i + 1}.jpg`);
    },
    questions: SCENES.length,
    prompt: answerEn,
    score(lines) {
      const right = lines.map(({ prediction }, i) => prediction === SCENES[i]?.background);
      return mean(SCENES.filter((_, i) => i % 2 === 0).map((_, i) => (right[2 * i] && right[2 * i + 1] ? 1 : 0)));
    },
  },
  custom: {
    make(owner) {
      const lines = ASKED.map(({ scene, question, truth }) =>
        JSON.stringify({ image: `pictures/${scene.file}`, question, answers: [truth, 'another'] }),
      );
      owner.text('mine.jsonl', lines.join('\n'));
      pictures(owner, ({ file }) => `pictures/${file}`);
    },
    args: ['--metric', 'exact'],
    questions: ASKED.length,
    prompt: answerEn,
    score: (lines) => share(lines, ({ prediction, targets }) => targets.includes(prediction)),
  },
};

test.each(Object.entries(CASES))('%s', async (name, { make, score, prompt, questions, args = [] }) => {
  const owner = new Owner();
  make(owner);
  const output = path.join(scratch('predictions'), 'out.jsonl');
  const data = name === 'custom' ? path.join(owner.folder, 'mine.jsonl') : owner.folder;
  const run = ['evaluate', name, '--data', data, ...args];
  const { status, out, err } = await paligemma(...run, '--model', 'embedded', '--output', output, '--json');
  expect(err).toContain('prompt: ');
  expect(status).toBe(0);
  const report = JSON.parse(out);
  const lines: Line[] = fs
    .readFileSync(output, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .sort((a, b) => a.index - b.index);
  expect(lines.length).toBe(questions);
  expect(report.scores.count).toBe(questions);
  expect(report.scores.value).toBeCloseTo(score(lines), 9);
  const { low, high } = report.scores.interval;
  expect(low).toBeLessThanOrEqual(report.scores.value);
  expect(high).toBeGreaterThanOrEqual(report.scores.value);
  // The prompts are those of the reference, whose answers are known.
  const scenes = new Map(SCENES.map((scene) => [String(coco(scene)), scene.file]));
  for (const line of lines) {
    const asked = prompt(line);
    if (asked === '') continue;
    const number = /(\d+)\.\w+$/.exec(line.image)?.[1] as string;
    const file = name === 'custom' ? path.basename(line.image) : scenes.get(String(Number(number)));
    if (file) expect([asked, line.prediction]).toEqual([asked, expectedText(file, asked)]);
  }
  // The same score of the predictions alone.
  const again = await paligemma('evaluate', name, '--predictions', output, '--json');
  expect(JSON.parse(again.out).scores).toEqual(report.scores);
  // What is missing is told.
  fs.rmSync(owner.folder, { recursive: true });
  const without = await paligemma(...run, '--model', 'embedded');
  expect(without.status).toBe(1);
  expect(without.err).toMatch(/ERR_INVALID_ARGUMENT: .*(needs|lacks|is not there)/);
});
