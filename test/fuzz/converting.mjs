// A conversion that may fail: it leaves nothing then, and what it makes otherwise is a model that loads.
import fs from 'node:fs';
import path from 'node:path';
import { convert, modelInfo } from '../../dist/index.js';
import { loadAndAsk } from './ask.mjs';
import { allow, Failure } from './outcome.mjs';

/** What a conversion may fail of that was well begun: what it finds among the weights. */
const VALUES = /has values (that are no finite numbers|beyond float16)/;

/** What the folder holds, at any depth. */
const contents = (folder) =>
  fs.existsSync(folder) ? fs.readdirSync(folder, { recursive: true }).sort().join() : 'nothing';

/**
 * @param codes of the refusals that fit the damage
 * @param plan { options, keeps: whether the target is there and has a file, asks: whether to load the model too, seed }
 */
export async function tryToConvert(source, target, codes, { options, keeps, asks, seed }) {
  if (keeps) {
    fs.mkdirSync(target);
    fs.writeFileSync(path.join(target, 'notes.txt'), 'of somebody else');
  }
  const before = contents(target);
  try {
    await allow([...codes, 'ERR_CONVERSION_FAILED'], () => convert(source, target, options));
  } catch (refusal) {
    if (refusal.code === 'ERR_CONVERSION_FAILED' && !VALUES.test(refusal.message))
      throw new Failure(`ERR_CONVERSION_FAILED is not the code for it: ${refusal.message}`);
    if (contents(target) !== before) throw new Failure(`a refused conversion leaves ${contents(target)}`);
    throw refusal;
  }
  try {
    await modelInfo(target);
  } catch (error) {
    throw new Failure(`a converted model is refused: ${error?.stack}`);
  }
  if (asks) await loadAndAsk(target, seed);
}
