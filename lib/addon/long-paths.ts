// Node opens files with long paths on Windows, the C library does so in their full form alone.
import { forNative } from '../base/long-path.js';
import type { NativeView } from './gguf.js';
import type { Addon } from './native.js';

/** The addon, for paths of any length. */
export function withLongPaths(addon: Addon, windows?: boolean): Addon {
  const long = (file: string) => forNative(file, windows);
  const view = (values: NativeView): NativeView => ({ ...values, path: long(values.path) });
  return {
    ...addon,
    Model: class extends addon.Model {
      constructor(...[options, onEvent]: ConstructorParameters<Addon['Model']>) {
        super({ ...options, textPath: long(options.textPath), visionPath: long(options.visionPath) }, onEvent);
      }
    },
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
}
