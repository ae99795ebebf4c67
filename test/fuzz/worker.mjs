// A process that cases run in: it makes the damage, tries it on the library and says what became of it.
//   node worker.mjs TARGET SEED FOLDER, with cases as messages
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { caseOf, lay } from './cases.mjs';
import { Failure, judged, Refusal } from './outcome.mjs';

const [name, seed, folder] = process.argv.slice(2);
const target = await import(`./targets/${name}.mjs`);
const context = await target.open(folder);

async function attempt(number, stage) {
  const place = path.join(folder, `${stage}-${process.pid}-${number}`);
  const before = leftBehind();
  try {
    const plan = caseOf(target, context, name, seed, number);
    lay(place, plan.files);
    await target[stage](place, plan, context);
    return {};
  } catch (error) {
    const outcome = judged([], error);
    return outcome instanceof Refusal
      ? { refused: outcome.code, message: outcome.message }
      : { failed: outcome.message };
  } finally {
    fs.rmSync(place, { recursive: true, force: true });
    const after = leftBehind();
    // biome-ignore lint/correctness/noUnsafeFinally: what is left behind is worse than any outcome
    if (after !== before) return { failed: new Failure(`left in the folder of temporary files: ${after}`).message };
  }
}

/** The worker has a folder of temporary files of its own. */
const leftBehind = () => fs.readdirSync(os.tmpdir()).join();

process.on('message', async ({ number, stage, last }) => {
  const outcome = await attempt(number, stage);
  process.send({ ...outcome, megabytes: Math.round(process.resourceUsage().maxRSS / 1024) }, () => {
    if (last) process.disconnect();
  });
});
process.send('ready');
