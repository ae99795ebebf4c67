// One picture's question, until it is answered: what passes by itself (a busy server, a model that loads, a key that is
// missing) is waited for here.
import { dataUrl } from '../pictures/open';
import { runTask, streamTask } from '../server/api';
import { RequestError } from '../server/failure';
import { type Asked, answerInWords } from '../tasks/asked';
import { wordsOf } from '../tasks/tasks';
import { announce } from './announce';
import { type Answer, answers, beginAnswer, changeAnswer } from './answers';
import { resetObjects } from './objects';
import type { Picture } from './pictures';
import { askForKey, connectionLost, modelOf, refreshModels, whileLoading } from './session';
import { wait } from './wait';

/** How often a server may say that it is not ready, while no model loads, before that is an error. */
const PATIENCE = 20;

/** Never rejects: what goes wrong stands in the picture's answer. */
export async function askPicture({ id, name, open }: Picture, asked: Asked, signal: AbortSignal): Promise<void> {
  if (!open) return;
  beginAnswer(id, asked, 'asking');
  // Once stopped, the picture's answer may be another one already.
  const change = (part: Partial<Answer>) => {
    if (!signal.aborted) changeAnswer(id, part);
  };
  const note = (text: string) => change({ note: text, text: '' });
  try {
    const image = await dataUrl(open.sent);
    const { task, model, options } = asked;
    const body = { ...(model !== '' && { model }), image, ...options };
    for (let turn = 0; ; turn++) {
      try {
        const asking = wordsOf(task).streams
          ? streamTask(task, body, signal, (piece) =>
              change({ text: (answers.value.get(id)?.text ?? '') + piece, note: undefined }),
            )
          : runTask(task, body, signal);
        const result = await whileLoading(model, asking);
        resetObjects(id);
        change({ state: 'done', result, note: undefined, ...(result.text !== undefined && { text: result.text }) });
        announce(`${name}: ${answerInWords(result)}`);
        if (modelOf(model)?.paligemma.state !== 'loaded') refreshModels(); // now it says what it runs on
        return;
      } catch (error) {
        await passes(error, turn, asked, signal, note);
      }
    }
  } catch (error) {
    if (signal.aborted) return;
    const failure = error instanceof RequestError ? error : new RequestError('picture', (error as Error).message);
    change({ state: 'failed', error: failure, note: undefined });
    announce(`${name}: ${failure.message}`);
    if (failure.kind === 'connection') connectionLost();
  }
}

/** Waits until the request may be made again. @throws the error, when it does not pass by itself */
async function passes(error: unknown, turn: number, asked: Asked, signal: AbortSignal, note: (text: string) => void) {
  if (!(error instanceof RequestError)) throw error;
  switch (error.kind) {
    case 'busy':
      for (let left = Math.ceil(error.retryAfter ?? 3); left > 0; left--) {
        note(`The server is busy. Asking again in ${left} s.`);
        await wait(1000, signal);
      }
      return note('Asking again.');
    case 'loading': {
      await refreshModelsOnce();
      const model = modelOf(asked.model)?.paligemma;
      if (model?.state === 'failed')
        throw new RequestError('request', model.error?.message ?? 'The model could not be loaded.', model.error?.code);
      if (model?.state !== 'loading' && turn >= PATIENCE) throw new RequestError('request', error.message, error.code);
      note('The model is not ready yet. The question goes on by itself.');
      return wait(1000 * Math.min(error.retryAfter ?? 1, 5), signal);
    }
    case 'key':
      note('The server wants a key.');
      await askForKey(signal);
      return note('Asking again.');
    default:
      throw error;
  }
}

/** A list that is being looked after already is fresh enough. */
const refreshModelsOnce = () => Promise.race([refreshModels(), wait(300)]);
