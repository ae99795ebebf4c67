// The questions under way: a queue over the pictures, two at a time, so that one is read while another is answered.
import type { Asked } from '../tasks/asked';
import { wordsOf } from '../tasks/tasks';
import { announce } from './announce';
import { answers, beginAnswer, changeAnswer } from './answers';
import { askPicture } from './ask';
import { askedBy, change, form } from './form';
import { addFiles, pictureOf, pictures } from './pictures';
import { connection } from './session';
import { settings } from './settings';
import { Store } from './store';

const AT_ONCE = 2;

export interface Run {
  done: number;
  total: number;
}

/** Null: nothing is asked. */
export const run = new Store<Run | null>(null);

const queue: { id: number; asked: Asked }[] = [];
let stopping = new AbortController();
let workers = 0;

function enqueue(ids: number[], askedOf: (id: number) => Asked | undefined): void {
  for (const id of ids) {
    const asked = askedOf(id);
    if (!asked || !pictureOf(id)?.open) continue;
    beginAnswer(id, asked, 'waiting');
    queue.push({ id, asked });
    run.value = { done: run.value?.done ?? 0, total: (run.value?.total ?? 0) + 1 };
  }
  while (workers < AT_ONCE && queue.length > 0) work(stopping.signal);
}

async function work(signal: AbortSignal): Promise<void> {
  workers++;
  for (;;) {
    const job = signal.aborted ? undefined : queue.shift();
    if (!job) break;
    const picture = pictureOf(job.id);
    if (picture) await askPicture(picture, job.asked, signal);
    if (signal.aborted) break;
    if (run.value) run.value = { ...run.value, done: run.value.done + 1 };
    if (connection.value === 'lost') failRest();
  }
  if (signal.aborted) return; // whoever stopped has counted anew
  workers--;
  if (workers === 0) run.value = null;
}

/** Without a server there is no use in trying each. */
function failRest(): void {
  const error = [...answers.value.values()].find((answer) => answer.error?.kind === 'connection')?.error;
  for (const { id } of queue.splice(0)) changeAnswer(id, { state: 'failed', error });
}

/** Pictures that are being opened, and whether they are asked then. */
const opening = new Set<{ asked: boolean }>();

export function stop(): void {
  for (const batch of opening) batch.asked = false;
  halt();
}

function halt(): void {
  stopping.abort();
  stopping = new AbortController();
  workers = 0;
  run.value = null;
  queue.length = 0;
  for (const [id, { state }] of answers.value)
    if (state === 'waiting' || state === 'asking') changeAnswer(id, { state: 'stopped', note: undefined });
}

/** Asks what the form says. @returns what is missing */
export function ask(ids = pictures.value.map(({ id }) => id)): string | undefined {
  const asked = askedBy(form.value);
  if ('missing' in asked) return asked.missing;
  const { labels } = asked.options;
  if (labels) change({ labels, draft: '' });
  halt();
  for (const batch of opening) batch.asked = true;
  announce(`${wordsOf(asked.task).verb}: asking.`);
  enqueue(ids, () => asked);
}

/** The same question again, of each picture its own. */
export const askAgain = (ids: number[]): void => enqueue(ids, (id) => answers.value.get(id)?.asked);

/** Ids of those whose answer the connection lost. */
export const lostAnswers = (): number[] =>
  [...answers.value]
    .filter(([, { error, state }]) => state === 'failed' && error?.kind === 'connection')
    .map(([id]) => id);

export async function addAndAsk(files: File[]): Promise<void> {
  const batch = { asked: settings.value.atOnce };
  opening.add(batch);
  await addFiles(files, ({ id }) => {
    const asked = askedBy(form.value);
    if (batch.asked && !('missing' in asked)) enqueue([id], () => asked);
  });
  opening.delete(batch);
}
