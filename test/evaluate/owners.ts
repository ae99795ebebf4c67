// Small sets of emoji scenes, laid out as the owners of benchmarks give theirs out.
import fs from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { emoji, readJson, scratch } from '../helpers/fixtures.js';

export interface Scene {
  file: string;
  width: number;
  height: number;
  background: string;
  number: string;
  /** Boxes: ymin, xmin, ymax, xmax in pixels. */
  objects: { label: string; box: [number, number, number, number] }[];
}

export const SCENES: Scene[] = readJson(emoji('scenes.json'));
const EXPECTED: { file: string; prompt: string; text: string }[] = readJson(emoji('expected.json'));

/** What the reference answered. */
export const expectedText = (file: string, prompt: string): string | undefined =>
  EXPECTED.find((one) => one.file === file && one.prompt === prompt)?.text;

/** Questions that the reference was asked about a scene, without `answer en`. */
export const questionsAbout = (file: string): string[] =>
  EXPECTED.filter((one) => one.file === file && one.prompt.startsWith('answer en ')).map(({ prompt }) =>
    prompt.slice('answer en '.length),
  );

/** The true answer to a question of {@link questionsAbout}. */
export function truthOf(scene: Scene, question: string): string {
  const labels = scene.objects.map(({ label }) => label);
  if (question.includes('background')) return scene.background;
  if (question.startsWith('how many')) {
    const asked = labels.find((label) => question.includes(label.split(' ')[0] as string));
    return String(labels.filter((label) => label === asked).length);
  }
  if (question.startsWith('is there')) return labels.some((label) => question.includes(` ${label} `)) ? 'yes' : 'no';
  const from = labels.findIndex((label) => question.endsWith(` ${label}?`));
  const left = ({ box }: Scene['objects'][number]) => box[1] + box[3];
  const sorted = scene.objects.toSorted((a, b) => left(a) - left(b));
  const next = sorted[sorted.indexOf(scene.objects[from] as Scene['objects'][number]) + 1];
  return next?.label ?? 'nothing';
}

export interface Asked {
  scene: Scene;
  question: string;
  truth: string;
}

export const ASKED: Asked[] = SCENES.flatMap((scene) =>
  questionsAbout(scene.file).map((question) => ({ scene, question, truth: truthOf(scene, question) })),
);

export class Owner {
  readonly folder = scratch('owner');

  json(name: string, value: unknown): void {
    this.text(name, JSON.stringify(value));
  }

  text(name: string, text: string): void {
    const file = path.join(this.folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }

  /** A scene by the name that the owner gives it. Its bytes stay: readers know pictures by what they hold. */
  picture(scene: Scene, name: string): void {
    const file = path.join(this.folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.copyFileSync(emoji('scenes', scene.file), file);
  }
}

export const numbered = (i: number): string => String(i).padStart(12, '0');

/** The mask of a scene's first object: one byte a pixel, row by row. */
export async function maskOfFirst(scene: Scene): Promise<{ data: Uint8Array; width: number; height: number }> {
  const file = emoji('masks', `${path.parse(scene.file).name}-0.png`);
  const { data, info } = await sharp(file).extractChannel(0).raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}
