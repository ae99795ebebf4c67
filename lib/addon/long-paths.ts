// Node opens files with long paths on Windows, the C library does so in their full form alone.
import { forNative } from '../base/long-path.js';
import type { ExpectedTensor, GgufPlan, NativeView } from './gguf.js';

/** What the addon is given paths for. */
interface TakesPaths {
  Model: new (options: never, onEvent: never) => object;
  judgeText(path: string): unknown;
  judgeVision(path: string): unknown;
  judgeTensors(path: string, expected: ExpectedTensor[]): unknown;
  writeGguf(plan: GgufPlan, onProgress: (sourceBytes: number) => void): unknown;
}

/** The addon, for paths of any length. */
export function withLongPaths<Addon extends TakesPaths>(addon: Addon, windows?: boolean): Addon {
  const long = (file: string) => forNative(file, windows);
  const view = (values: NativeView): NativeView => ({ ...values, path: long(values.path) });
  const taking: TakesPaths = {
    Model: new Proxy(addon.Model, {
      construct: (Model, [options, onEvent]) =>
        new Model(
          { ...options, textPath: long(options.textPath), visionPath: long(options.visionPath) } as never,
          onEvent as never,
        ),
    }),
    judgeText: (file) => addon.judgeText(long(file)),
    judgeVision: (file) => addon.judgeVision(long(file)),
    judgeTensors: (file, expected) => addon.judgeTensors(long(file), expected),
    writeGguf: (plan, onProgress) => {
      const tensors = plan.tensors.map((tensor) => ({
        ...tensor,
        values: view(tensor.values),
        lowRank: tensor.lowRank.map(({ left, right, scale }) => ({ left: view(left), right: view(right), scale })),
      }));
      return addon.writeGguf({ ...plan, path: long(plan.path), tensors }, onProgress);
    },
  };
  return { ...addon, ...taking };
}
