// What commands print with --json is what `paligemma schema` says, no more and no less.
import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { TASK_NAMES } from '../lib/tasks/index.js';
import { paligemma } from './helpers/command.js';
import { PICTURE, scratch } from './helpers/fixtures.js';

type Schema = Record<string, unknown> & { properties?: Record<string, Schema>; items?: Schema };

/** A field that no schema names is an error, however deep. */
const strict = (schema: Schema): Schema => ({
  ...schema,
  ...(schema.items && { items: strict(schema.items) }),
  ...(schema.properties && {
    properties: Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name, strict(one)])),
    additionalProperties: false,
  }),
});

const validator = new Ajv2020({ strict: true, allowUnionTypes: true });

function errorsOf(schema: Schema, value: unknown) {
  const validate = validator.compile(schema);
  validate(value);
  return validate.errors;
}

const schemaOf = async (task: string): Promise<{ options: Schema; result: Schema }> =>
  JSON.parse((await paligemma('schema', task)).out);

const CALLS = [
  ['caption', PICTURE, '--num-beams', '2'],
  ['generate', PICTURE, '--prompt', 'caption en', '--logprobs', '2'],
  ['choose', PICTURE, '--question', 'What?', '--choice', 'an owl', '--choice', 'a dog'],
  ['choose', PICTURE, '--question', 'What?', '--choice', 'an owl', '--choice', 'a dog', '--score'],
  ['answer', PICTURE, '--question', 'how many owls are there?', '--language', 'en'],
  ['read', PICTURE],
  ['detect', PICTURE, '--labels', 'owl', '--no-constrained'],
  ['segment', PICTURE, '--labels', 'owl', '--masks', path.join(scratch('masks'), 'masks')],
];

test('every task is called', () => {
  expect([...new Set(CALLS.map(([task]) => task))]).toEqual(TASK_NAMES);
});

test.each(CALLS)('%s', async (task, ...args) => {
  const { status, out } = await paligemma(task as string, ...args, '--json', '--model', 'embedded');
  expect(status).toBe(0);
  const schema = await schemaOf(task as string);
  const { image, images, ...printed } = JSON.parse(out);
  expect(images ?? [image]).toEqual([PICTURE]);
  const wasAsked = ([name]: [string, unknown]) => !(name in (schema.result.properties ?? {}));
  const entries = Object.entries(printed);
  const result = Object.fromEntries(entries.filter((entry) => !wasAsked(entry)));
  expect(errorsOf(schema.options, Object.fromEntries(entries.filter(wasAsked)))).toBeNull();
  expect(errorsOf(strict(schema.result), result)).toBeNull();
  // A batch alone leaves these out.
  expect(result).toMatchObject({ tokens: expect.any(Array), usage: {}, timings: { load: expect.any(Number) } });
});

const ffmpeg = spawnSync('ffmpeg', ['-version']).status === 0 ? test : test.skip;

ffmpeg('a video is answered in the shape of its task', async () => {
  const video = path.join(scratch('video'), 'still.mp4');
  execFileSync('ffmpeg', ['-v', 'error', '-loop', '1', '-t', '1', '-i', PICTURE, video]);
  for (const [task, question] of [['caption'], ['answer', 'how many owls are there?']] as const) {
    const asked = question === undefined ? {} : { question };
    const args = ['--frames', '2', '--model', 'embedded', ...(question === undefined ? [] : ['--question', question])];
    const { status, out } = await paligemma('video', video, ...args, '--json');
    expect(status).toBe(0);
    const { video: named, ...printed } = JSON.parse(out);
    const { question: _, ...result } = printed;
    expect({ named, printed }).toMatchObject({ named: video, printed: { ...asked, usage: { imageTokens: 128 } } });
    expect(errorsOf(strict((await schemaOf(task)).result), result)).toBeNull();
    expect((await paligemma('video', video, ...args)).out).toBe(`${result.text}\n`);
  }
});

test('an option is described by what it does, not by the flag that turns it off', async () => {
  const { options } = await schemaOf('detect');
  expect(options.properties?.constrained).toMatchObject({ description: expect.stringMatching(/^keep/), default: true });
  const { out } = await paligemma('detect', '--help');
  expect(out).toMatch(/--no-constrained +do not keep/);
});
