import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { convert, type Quantization } from '../../lib/index.js';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
export const FIXTURES = path.join(ROOT, 'test', 'fixtures');
export const EMBEDDED = path.join(ROOT, 'models', 'paligemma-emoji-112');
export const PICTURE = path.join(ROOT, 'examples', 'images', 'owl-and-cat.png');
export const REFERENCE_MODELS = ['pg1-random', 'pg1-random-published-keys', 'pg2-random', 'pg2-random-window'];

/** A fresh folder that is removed when all tests are over. */
export const scratch = (name: string): string =>
  fs.mkdtempSync(path.join(process.env.PALIGEMMA_TEST_FOLDER as string, `${name}-`));

export const reference = (...parts: string[]): string => path.join(FIXTURES, 'reference', ...parts);
export const emoji = (...parts: string[]): string => path.join(FIXTURES, 'emoji', ...parts);

/** Converts a checkpoint of the fixtures into a folder of its own. */
export async function converted(checkpoint: string, quantization: Quantization): Promise<string> {
  const folder = scratch(`${path.basename(checkpoint)}-${quantization}`);
  await convert(checkpoint, folder, { quantization });
  return folder;
}

export function readFloats(file: string): Float32Array {
  const bytes = fs.readFileSync(file);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** A program that is built with the addon, in the build that is tested. */
export const program = (name: string): string =>
  path.join(process.env.NODE_PALIGEMMA_PREBUILD ?? ROOT, 'build', 'test', name);

export const readJson = (file: string) => JSON.parse(fs.readFileSync(file, 'utf8'));

export function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new Error(`${a.length} values against ${b.length}`);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs((a[i] as number) - (b[i] as number));
    if (!(difference <= largest)) largest = difference; // NaN counts
  }
  return largest;
}

export interface ReferenceCase {
  name: string;
  images: string[];
  prompt: string;
  input_ids: number[];
  prefix_logits: { file: string };
  generated_ids: number[];
  generated_text: string;
  top_ids: number[][];
  top_logits: number[][];
}

/** A test's own limit in milliseconds; longer where everything is slower, as under a sanitizer (`PALIGEMMA_PATIENCE`: how often). */
export const within = (ms: number): number => ms * Number(process.env.PALIGEMMA_PATIENCE ?? 1);
