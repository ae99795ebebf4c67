// A batch over a damaged source: every entry has a result of the right form, and the model goes on.
import fs from 'node:fs';
import { openSource } from '../../cli/dist/sources.js';
import { PaliGemma } from '../../dist/index.js';
import { allow, Failure } from './outcome.mjs';
import { EMBEDDED, PICTURE } from './places.mjs';

/** A model for all cases of a process. */
export async function openModel() {
  const model = await PaliGemma.load(EMBEDDED, { device: 'cpu', threads: 1 });
  const good = fs.readFileSync(PICTURE);
  const expected = await model.caption(good);
  return {
    model,
    /** The model answers a good picture as ever. */
    async stillAnswers() {
      const text = await model.caption(good);
      if (text !== expected)
        throw new Failure(`answers ${JSON.stringify(text)} afterwards, not ${JSON.stringify(expected)}`);
    },
  };
}

const CODES = ['ERR_INVALID_ARGUMENT', 'ERR_INVALID_IMAGE', 'ERR_PROMPT_TOO_LONG'];

/** @returns how many of the results were answers */
export async function batch({ model, stillAnswers }, source, request, most) {
  let results = 0;
  let answers = 0;
  const bad = (what, result) => new Failure(`${what}: ${JSON.stringify(result).slice(0, 500)}`);
  try {
    await allow(['ERR_INVALID_ARGUMENT'], async () => {
      for await (const result of model.batch(openSource(source), { maxTokens: 2, ...request })) {
        if (++results > most) throw new Failure(`more than ${most} results`);
        if (typeof result.id !== 'string' || !Number.isInteger(result.index))
          throw bad('a result without id and index', result);
        if (result.error && !CODES.includes(result.error.code)) throw bad('not the code for it', result);
        if (result.error && !result.error.message) throw bad('an error without a message', result);
        if (!result.error && typeof result.text !== 'string' && !Array.isArray(result.objects))
          throw bad('neither answer nor error', result);
        if (!result.error) answers++;
        JSON.stringify(result);
      }
    });
  } finally {
    await stillAnswers();
  }
  return answers;
}
