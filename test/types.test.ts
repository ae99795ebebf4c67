// What the exported types promise. Checked by the compiler (npm run typecheck); running them proves nothing more.
import { test } from '@jest/globals';
import { expectTypeOf } from 'expect-type';
import type {
  Detection,
  Device,
  DeviceInfo,
  ErrorCode,
  Generation,
  GenerationStream,
  ImageInput,
  LoadOptions,
  PaliGemma,
  PaliGemmaError,
  RawImage,
  Segment,
} from '../lib/index.js';

test('types', () => {
  expectTypeOf<PaliGemma['caption']>().returns.resolves.toBeString();
  expectTypeOf<PaliGemma['caption']>().parameter(0).toEqualTypeOf<ImageInput>();
  expectTypeOf<PaliGemma['detect']>().returns.resolves.toEqualTypeOf<Detection[]>();
  expectTypeOf<PaliGemma['segment']>().returns.resolves.toEqualTypeOf<Segment[]>();
  expectTypeOf<PaliGemma['generate']>().returns.resolves.toEqualTypeOf<Generation>();
  expectTypeOf<PaliGemma['encode']>().returns.resolves.toEqualTypeOf<Float32Array>();
  expectTypeOf<PaliGemma>().toMatchTypeOf<AsyncDisposable>();
  expectTypeOf<GenerationStream>().toMatchTypeOf<AsyncIterable<string>>();
  expectTypeOf<GenerationStream['result']>().resolves.toEqualTypeOf<Generation>();

  expectTypeOf<string>().toMatchTypeOf<ImageInput>();
  expectTypeOf<Buffer>().toMatchTypeOf<ImageInput>();
  expectTypeOf<RawImage>().toMatchTypeOf<ImageInput>();
  expectTypeOf<ArrayBuffer>().toMatchTypeOf<ImageInput>();
  expectTypeOf<{ data: Uint8ClampedArray; width: number; height: number }>().toMatchTypeOf<ImageInput>();
  expectTypeOf<{ data: Uint8Array; width: number; height: number }>().not.toMatchTypeOf<ImageInput>();
  expectTypeOf<number>().not.toMatchTypeOf<ImageInput>();

  expectTypeOf<'cuda:1'>().toMatchTypeOf<Device>();
  expectTypeOf<'gpu'>().not.toMatchTypeOf<Device>();
  expectTypeOf<'auto'>().not.toMatchTypeOf<DeviceInfo['device']>();
  expectTypeOf<LoadOptions['devices']>().toEqualTypeOf<Exclude<Device, 'auto'>[] | undefined>();
  expectTypeOf<PaliGemmaError['code']>().toEqualTypeOf<ErrorCode>();
  expectTypeOf<PaliGemmaError>().toMatchTypeOf<Error>();
});
