// What the exported types promise. Checked by the compiler (npm run typecheck); running them proves nothing more.
import { test } from '@jest/globals';
import { expectTypeOf } from 'expect-type';
import type {
  AnswerOptions,
  CaptionOptions,
  ChooseOptions,
  Detection,
  DetectOptions,
  Device,
  DeviceInfo,
  ErrorCode,
  GenerateRequest,
  Generation,
  GenerationStream,
  ImageInput,
  LoadOptions,
  MultipleChoice,
  PaliGemma,
  PaliGemmaError,
  RawImage,
  Segment,
  TaskName,
  TaskOptions,
  TaskRunOptions,
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

/** All options that a method of a task takes, however they are spread over its parameters. */
interface OfMethods {
  caption: CaptionOptions;
  answer: AnswerOptions & { question: string };
  read: TaskOptions;
  detect: DetectOptions & { labels: string | string[] };
  segment: DetectOptions & { labels: string | string[] };
  choose: ChooseOptions & MultipleChoice;
  generate: Omit<GenerateRequest, 'images'>;
}

test('the methods take what the descriptions say, no more and no less', () => {
  type Values<T> = { [K in keyof T]-?: Exclude<T[K], undefined> };
  const method = <N extends keyof OfMethods>() => expectTypeOf<Values<OfMethods[N]>>();
  expectTypeOf<keyof OfMethods>().toEqualTypeOf<TaskName>();
  method<'caption'>().toEqualTypeOf<Values<TaskRunOptions<'caption'>>>();
  method<'answer'>().toEqualTypeOf<Values<TaskRunOptions<'answer'>>>();
  method<'read'>().toEqualTypeOf<Values<TaskRunOptions<'read'>>>();
  method<'detect'>().toEqualTypeOf<Values<TaskRunOptions<'detect'>>>();
  method<'segment'>().toEqualTypeOf<Values<TaskRunOptions<'segment'>>>();
  method<'choose'>().toEqualTypeOf<Values<TaskRunOptions<'choose'>>>();
  method<'generate'>().toEqualTypeOf<Values<TaskRunOptions<'generate'>>>();
});
