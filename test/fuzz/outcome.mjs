// What may become of a case: an answer, a refusal of the right kind, or a failure of the library.
import { PaliGemmaError } from '../../dist/index.js';

/** What an engine says when a program trips over a value that it took for granted. */
const OF_THE_PROGRAM =
  /Cannot (read|set|convert|destructure)|is not (a function|iterable)|Maximum call stack|of undefined/;

export class Failure extends Error {}

/** A refusal as it should be; its code counts. */
export class Refusal extends Error {
  constructor(error) {
    super(error.message, { cause: error });
    this.code = error.code;
  }
}

/** An error as a Refusal where its code is among these, else as a Failure. */
export function judged(codes, error) {
  if (error instanceof Failure || error instanceof Refusal) return error;
  if (!(error instanceof PaliGemmaError)) return new Failure(`untyped: ${error?.stack ?? error}`);
  if (!codes.includes(error.code)) return new Failure(`${error.code} is not the code for it: ${error.message}`);
  if (error.message.trim() === '') return new Failure(`${error.code} without a message`);
  if (OF_THE_PROGRAM.test(error.message))
    return new Failure(`a message that tells nothing of the file: ${error.message}`);
  return new Refusal(error);
}

/** Runs `work`, and lets these codes pass as refusals. */
export async function allow(codes, work) {
  try {
    return await work();
  } catch (error) {
    throw judged(codes, error);
  }
}
