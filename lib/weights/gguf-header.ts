import { PaliGemmaError, reasonOf } from '../errors.js';
import { type GgufArray, type GgufHeader, type GgufScalar, native } from '../native.js';
import type { ModelFile } from '../types.js';
import { quantizationOf } from './quantization.js';

/** One file's header, with checked access. */
export class Gguf {
  private constructor(
    private readonly path: string,
    private readonly header: GgufHeader,
  ) {}

  static async open(file: string): Promise<Gguf> {
    try {
      return new Gguf(file, await native().readGgufHeader(file));
    } catch (error) {
      if (error instanceof PaliGemmaError) throw error;
      throw new PaliGemmaError('ERR_INVALID_MODEL', `${file} is not a whole GGUF file: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }

  invalid(what: string) {
    return new PaliGemmaError('ERR_INVALID_MODEL', `${this.path} cannot be used: ${what}`);
  }
  unsupported(what: string) {
    return new PaliGemmaError(
      'ERR_UNSUPPORTED_MODEL',
      `${this.path} is not a PaliGemma model of this library: ${what}; convert one with: paligemma convert SOURCE TARGET`,
    );
  }

  has(tensor: string): boolean {
    return this.header.tensors.some(({ name }) => name === tensor);
  }
  value(key: string): GgufScalar | GgufArray | undefined {
    return this.header.values[key];
  }
  string(key: string, fallback?: string): string {
    const value = this.value(key) ?? fallback;
    if (typeof value !== 'string') throw this.invalid(`it has no text ${key}`);
    return value;
  }
  number(key: string, fallback?: number): number {
    const value = this.value(key) ?? fallback;
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0)
      throw this.invalid(`it has no positive number ${key}`);
    return value;
  }
  count(key: string, least = 1, most = 1 << 24, fallback?: number): number {
    const value = this.value(key) ?? fallback;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
      throw this.invalid(`${key} is not a whole number from ${least} to ${most}`);
    return value;
  }
  array(key: string, of: string): GgufArray {
    const value = this.value(key);
    if (typeof value !== 'object' || value.of !== of) throw this.invalid(`it has no array ${key} of ${of}`);
    return value;
  }

  /** Every expected tensor is there, in its shape and a type it can have, and lies within the file. */
  checkTensors(expected: { gguf: string; shape: number[]; kind: 'matrix' | 'exact' }[]): void {
    const found = new Map(this.header.tensors.map((tensor) => [tensor.name, tensor]));
    for (const { gguf, shape, kind } of expected) {
      const tensor = found.get(gguf);
      if (!tensor) throw this.invalid(`tensor ${gguf} is missing`);
      const squeezed = shape.toReversed();
      while (squeezed.length > 1 && squeezed.at(-1) === 1) squeezed.pop(); // GGUF drops trailing dimensions of 1
      if (tensor.shape.join() !== squeezed.join())
        throw this.invalid(`tensor ${gguf} is [${tensor.shape}], expected [${squeezed}]`);
      if (kind === 'exact' && tensor.type !== 'f32' && !(gguf === 'v.patch_embd.weight' && tensor.type === 'f16'))
        throw this.invalid(`tensor ${gguf} is ${tensor.type}, expected f32`);
      if (tensor.offset + tensor.size > this.header.fileSize)
        throw this.invalid(
          `it is cut off: tensor ${gguf} ends at byte ${tensor.offset + tensor.size} of ${this.header.fileSize}`,
        );
    }
    if (found.size !== expected.length) {
      const names = new Set(expected.map((tensor) => tensor.gguf));
      throw this.invalid(
        `it has a tensor that PaliGemma does not: ${[...found.keys()].find((name) => !names.has(name)) ?? 'one twice'}`,
      );
    }
  }

  /** Those of the model itself, without the mask decoder. */
  private tensors() {
    return this.header.tensors.filter(({ name }) => !name.startsWith('mask.'));
  }

  parameters(): number {
    return this.tensors().reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0);
  }
  bytes(): number {
    return this.header.tensors.reduce((sum, { size }) => sum + size, 0);
  }
  /** What is stored in which type, the largest share first. */
  summary(): ModelFile {
    const types = new Map<string, ModelFile['types'][number]>();
    for (const { type, size } of this.header.tensors) {
      const { tensors, bytes } = types.get(type) ?? { tensors: 0, bytes: 0 };
      types.set(type, { type, tensors: tensors + 1, bytes: bytes + size });
    }
    return {
      path: this.path,
      bytes: this.header.fileSize,
      types: [...types.values()].sort((a, b) => b.bytes - a.bytes),
    };
  }

  /** By the name people know: what the file says, else the type that holds most of its bytes. */
  quantization(): string {
    return quantizationOf(this.value('general.file_type')) ?? this.summary().types[0]?.type ?? 'f32';
  }
}
