import { describe, expect, test } from '@jest/globals';
import { PaliGemmaError } from '../../lib/base/errors.js';
import { checkRequest, questionOf, resultOf } from '../../lib/batch/ask.js';
import { type BatchQuestion, type BatchRequest, isItem, keyOf } from '../../lib/batch/item.js';
import { checkOptions } from '../../lib/tasks/option.js';

const { signal } = new AbortController();
const timings = { image: 0, queue: 0, vision: 0, prefill: 0, decode: 0, total: 1 };

/** The task and its prompt, with its options checked as a model checks them. */
function asked(item: BatchQuestion, request: BatchRequest) {
  const { task, options } = questionOf(item, request);
  return { task: task.name, prompt: task.ask(checkOptions(task.options, options, task.name)).prompt };
}

describe('what is asked', () => {
  test('is the task, or what the other words imply', () => {
    expect(asked({}, {})).toEqual({ task: 'caption', prompt: 'caption en' });
    expect(asked({}, { language: 'es' })).toMatchObject({ prompt: 'caption es' });
    expect(asked({}, { question: 'why?' })).toMatchObject({ prompt: 'answer en why?' });
    expect(asked({}, { question: 'why?', choices: ['a', 'b'] })).toMatchObject({ task: 'choose' });
    expect(asked({}, { labels: 'cat' })).toMatchObject({ task: 'detect', prompt: 'detect cat' });
    expect(asked({}, { labels: ['cat'], task: 'segment' })).toMatchObject({ task: 'segment', prompt: 'segment cat' });
    expect(asked({}, { task: 'read' })).toMatchObject({ prompt: 'ocr' });
    expect(asked({}, { prompt: 'cap de' })).toMatchObject({ task: 'generate', prompt: 'cap de' });
  });
  test("is the item's own first", () => {
    expect(asked({ prompt: 'x' }, { task: 'caption' })).toMatchObject({ prompt: 'x' });
    expect(asked({ task: 'read' }, { prompt: 'x' })).toMatchObject({ prompt: 'ocr' });
    expect(asked({ question: 'mine?' }, { question: 'yours?' })).toMatchObject({ prompt: 'answer en mine?' });
    expect(asked({ language: 'de' }, { language: 'es' })).toMatchObject({ prompt: 'caption de' });
  });
  test('is not what a field of a dataset happens to be called, when the batch has a task', () => {
    expect(asked({ labels: ['cat'] }, { task: 'caption' })).toMatchObject({ prompt: 'caption en' });
    expect(asked({ question: 'a title' }, { prompt: 'x' })).toMatchObject({ prompt: 'x' });
  });
  test('must be whole', () => {
    for (const wrong of [
      { task: 'answer' },
      { task: 'detect' },
      { task: 'generate' },
      { task: 'dance' },
      { prompt: 3 },
      { language: 'English!' },
      { question: 'which?', choices: ['only'] },
    ])
      expect(() => asked(wrong as never, {})).toThrow(PaliGemmaError);
    for (const wrong of [
      { maxTokens: 0 },
      { task: 'dance' },
      { labels: ' ; ' },
      { prompt: 3 },
      { temperature: -1 },
      { language: '' },
      { choices: ['only'] },
    ])
      expect(() => checkRequest(wrong as never)).toThrow(PaliGemmaError);
    expect(() => checkRequest({ task: 'answer' })).not.toThrow(); // items may have the question
  });
});

describe('a result', () => {
  const answer = async () => ({ text: 'a dog', timings });
  test('has what the item had, apart from what it says itself', async () => {
    const item = { id: 'x', image: 'a.png', author: 'K', text: 'before', index: 9, timings: 'now', prompt: 'p' };
    expect(await resultOf(item, 3, answer, signal)).toEqual({
      ...{ id: 'x', image: 'a.png', author: 'K', prompt: 'p', index: 3, text: 'a dog', timings },
      input: { text: 'before', index: 9, timings: 'now' },
    });
    expect(await resultOf({ image: new Uint8Array(3) }, 3, answer, signal)).toEqual({
      id: '3',
      index: 3,
      text: 'a dog',
      timings,
    });
  });
  test('may be an error', async () => {
    const fail = (error: unknown) => resultOf({ image: 'a.png' }, 0, () => Promise.reject(error), signal);
    expect(await fail(new PaliGemmaError('ERR_INVALID_IMAGE', 'torn'))).toEqual({
      id: 'a.png',
      image: 'a.png',
      index: 0,
      error: { code: 'ERR_INVALID_IMAGE', message: 'torn' },
    });
    expect(await fail(new TypeError('odd'))).toMatchObject({ error: { code: 'ERR_UNKNOWN', message: 'odd' } });
    await expect(fail(new PaliGemmaError('ERR_DISPOSED', 'gone'))).rejects.toThrow('gone');
    const unusable = { id: 'list:3', error: new PaliGemmaError('ERR_INVALID_ARGUMENT', 'no JSON') };
    expect(await resultOf(unusable, 2, answer, signal)).toEqual({
      id: 'list:3',
      index: 2,
      error: { code: 'ERR_INVALID_ARGUMENT', message: 'no JSON' },
    });
  });
  test('is none when aborted', async () => {
    const reason = new Error('enough');
    await expect(
      resultOf({ image: 'a' }, 0, () => Promise.reject(new Error('x')), AbortSignal.abort(reason)),
    ).rejects.toBe(reason);
  });
});

test('keys tell apart what is asked of one picture, and are equal for an item and its result', async () => {
  const item = { id: 'a', image: 'a.png', labels: ['cat'], text: 't' };
  const result = await resultOf(item, 0, async () => ({ text: 'x', timings }), signal);
  expect(keyOf('a', item)).toBe(keyOf('a', result));
  expect(keyOf('a', item)).not.toBe(keyOf('a', { labels: ['dog'] }));
  expect(keyOf('a', {})).toBe('a');
});

test('items are told apart from images', () => {
  expect(isItem({ image: 'a.png' })).toBe(true);
  for (const image of [
    'a.png',
    new URL('file:///a.png'),
    new Uint8Array(1),
    new Blob([]),
    { data: new Uint8Array(3), width: 1, height: 1, channels: 3 as const },
    null,
  ])
    expect(isItem(image as never)).toBe(false);
});
