import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { PaliGemmaError } from 'node-paligemma';
import { describeHolder, type Holder, invalid, isHeld, type Lock, reasonOf, tryLock } from 'node-paligemma/support';
import { explainWriting } from './growing-file.js';
import type { BatchOutput } from './output.js';

/**
 * An output that no other batch writes to until it is closed. The lock is the folder `<target>.lock`.
 * @throws PaliGemmaError ERR_IN_USE naming who does; ERR_INVALID_ARGUMENT where no lock can be made, ERR_DISK_FULL
 */
export async function alone(target: string, open: () => Promise<BatchOutput>): Promise<BatchOutput> {
  const lock = await take(target);
  if (isHeld(lock)) throw inUse(target, lock);
  let output: BatchOutput;
  try {
    output = await open();
  } catch (error) {
    await lock.release();
    throw error;
  }
  return {
    wantsFiles: output.wantsFiles ?? false,
    has: (entry, index) => output.has(entry, index),
    async write(result, files) {
      if (lock.lost.aborted) throw lost(target);
      await output.write(result, files);
    },
    async close() {
      await output.close().finally(() => lock.release());
    },
  };
}

async function take(target: string): Promise<Lock | Holder> {
  try {
    // Beside the file itself, whatever it is called here.
    return await tryLock(`${await realpath(target).catch(() => path.resolve(target))}.lock`);
  } catch (error) {
    const explained = explainWriting(error, target);
    if (explained !== error) throw explained;
    throw invalid(`${target} cannot be locked against other batches: ${reasonOf(error)}`);
  }
}

const inUse = (target: string, holder: Holder) =>
  new PaliGemmaError(
    'ERR_IN_USE',
    `${target} is being written by ${describeHolder(holder)}: let it end, or give another output`,
  );

const lost = (target: string) =>
  new PaliGemmaError(
    'ERR_IN_USE',
    `the lock of ${target} was taken away while this process did not answer: another batch may write there; go on with --resume`,
  );
