// Checkpoints made from other checkpoints: renamed, split, widened, damaged.
import fs from 'node:fs';
import path from 'node:path';
import { readSafetensors } from '../../lib/checkpoint/safetensors.js';
import { readJson, scratch } from './fixtures.js';

// biome-ignore lint/suspicious/noExplicitAny: edits reach into files of any shape
export type Json = Record<string, any>;

export interface Stored {
  dtype: string;
  shape: number[];
  data: Buffer;
}

export function copyCheckpoint(source: string): string {
  const folder = scratch('checkpoint');
  for (const name of fs.readdirSync(source))
    if (name !== 'expected') fs.copyFileSync(path.join(source, name), path.join(folder, name));
  return folder;
}

export function editJson(folder: string, name: string, edit: (json: Json) => void): string {
  const file = path.join(folder, name);
  const json = readJson(file);
  edit(json);
  fs.writeFileSync(file, JSON.stringify(json));
  return folder;
}

export async function bytesOf(file: string): Promise<Map<string, Stored>> {
  const bytes = fs.readFileSync(file);
  const size = { f32: 4, f16: 2, bf16: 2 };
  const tensors = new Map<string, Stored>();
  for (const [name, { offset, shape, type }] of await readSafetensors(file)) {
    const length = shape.reduce((product, n) => product * n, size[type]);
    tensors.set(name, { dtype: type.toUpperCase(), shape, data: Buffer.from(bytes.subarray(offset, offset + length)) });
  }
  return tensors;
}

export function writeSafetensors(file: string, tensors: Map<string, Stored>): void {
  let offset = 0;
  const header: Record<string, unknown> = {};
  for (const [name, { dtype, shape, data }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.length] };
    offset += data.length;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  fs.writeFileSync(file, Buffer.concat([length, json, ...[...tensors.values()].map(({ data }) => data)]));
}

/** Renames by editing the header alone, so the data stays where it is. */
export function renameTensors(folder: string, rename: (name: string) => string): void {
  const file = path.join(folder, 'model.safetensors');
  const bytes = fs.readFileSync(file);
  const length = Number(bytes.readBigUInt64LE());
  const header: Record<string, unknown> = JSON.parse(bytes.subarray(8, 8 + length).toString());
  const renamed = Object.entries(header).map(([name, entry]) => [name === '__metadata__' ? name : rename(name), entry]);
  const json = Buffer.from(JSON.stringify(Object.fromEntries(renamed)));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(json.length));
  fs.writeFileSync(file, Buffer.concat([size, json, bytes.subarray(8 + length)]));
}

/** Spreads the tensors over several files with an index, as large checkpoints come. */
export async function split(folder: string, shards: number): Promise<void> {
  const file = path.join(folder, 'model.safetensors');
  const tensors = [...(await bytesOf(file))];
  fs.rmSync(file);
  const map: Record<string, string> = {};
  for (let i = 0; i < shards; i++) {
    const name = `model-0000${i + 1}-of-0000${shards}.safetensors`;
    const part = new Map(tensors.filter((_, k) => k % shards === i));
    for (const tensor of part.keys()) map[tensor] = name;
    writeSafetensors(path.join(folder, name), part);
  }
  fs.writeFileSync(
    path.join(folder, 'model.safetensors.index.json'),
    JSON.stringify({ metadata: {}, weight_map: map }),
  );
}

/** bfloat16 to float32 in every shard: the lower half of each value is zero. */
export async function widen(folder: string): Promise<void> {
  for (const name of fs.readdirSync(folder).filter((file) => file.endsWith('.safetensors'))) {
    const tensors = await bytesOf(path.join(folder, name));
    for (const tensor of tensors.values()) {
      const wide = Buffer.alloc(tensor.data.length * 2);
      for (let i = 0; i < tensor.data.length; i += 2) tensor.data.copy(wide, i * 2 + 2, i, i + 2);
      tensor.data = wide;
      tensor.dtype = 'F32';
    }
    writeSafetensors(path.join(folder, name), tensors);
  }
}
