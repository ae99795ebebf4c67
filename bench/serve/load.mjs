// Who asks, in a process of its own: so many at once for so long, the server at a URL or the library (`library`). Prints JSON.
//   node load.mjs URL|library --seconds 30 --clients 64 [--rough] [--expected FILE] [--model FOLDER]
// --rough: every second client reads slowly, and a tenth of the requests is broken off.
import fs from 'node:fs';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { PaliGemma } from '../../dist/index.js';
import { pictures, questionsAbout, randomFrom } from './questions.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '30' },
    clients: { type: 'string', default: '64' },
    pictures: { type: 'string', default: '24' },
    seed: { type: 'string', default: '1' },
    model: { type: 'string' },
    expected: { type: 'string' },
    rough: { type: 'boolean', default: false },
  },
});
const [where] = positionals;
const questions = questionsAbout(await pictures(Number(values.pictures)));
const random = randomFrom(Number(values.seed));
const expected = values.expected ? JSON.parse(fs.readFileSync(values.expected, 'utf8')) : undefined;
const model = where === 'library' ? await PaliGemma.load(values.model) : undefined;
const counts = { answered: 0, different: 0, brokenOff: 0, errors: {} };
const took = [];
const examples = [];

class Broken extends Error {}

/** The answer's text, read at the client's pace. */
function post({ route, body }, agent, slowly, breakAfter) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const request = http.request(new URL(route, where), { method: 'POST', agent, headers }, async (response) => {
      try {
        const pieces = [];
        for await (const piece of response) {
          pieces.push(piece);
          if (slowly) await sleep(20 + random(200));
        }
        resolve({ status: response.statusCode, text: Buffer.concat(pieces).toString() });
      } catch (error) {
        reject(error);
      } finally {
        clearTimeout(timer);
      }
    });
    let broken = false;
    const timer =
      breakAfter === undefined
        ? undefined
        : setTimeout(() => {
            broken = true;
            request.destroy();
            reject(new Broken());
          }, breakAfter);
    request.on('error', (error) => {
      clearTimeout(timer);
      reject(broken ? new Broken() : error);
    });
    request.end(body);
  });
}

function answerIn(question, { status, text }) {
  if (status !== 200) throw new Error(`${status} ${JSON.parse(text).error.code}`);
  if (!question.stream) return question.read(JSON.parse(text));
  const data = text.split('\n\n').flatMap((event) => /^data: (.*)$/m.exec(event)?.[1] ?? []);
  const events = data.filter((one) => one !== '[DONE]').map((one) => JSON.parse(one));
  const failed = events.find(({ error }) => error)?.error;
  if (failed) throw new Error(`event ${failed.code}`);
  if (
    data.at(-1) !== '[DONE]' &&
    events.at(-1).type !== 'response.completed' &&
    events.at(-1).type !== 'response.incomplete'
  )
    throw new Error('a stream without an end');
  return question.read(events);
}

async function one(agent, slowly) {
  const question = questions[random(questions.length)];
  const breakAfter = values.rough && random(10) === 0 ? random(400) : undefined;
  const started = performance.now();
  try {
    const answer = model
      ? await question.ask(model)
      : answerIn(question, await post(question, agent, slowly, breakAfter));
    counts.answered++;
    if (!slowly) took.push(performance.now() - started);
    if (expected && answer !== expected[question.key]) {
      counts.different++;
      if (examples.length < 5) examples.push([question.key, question.route, expected[question.key], answer]);
    }
  } catch (error) {
    if (error instanceof Broken) counts.brokenOff++;
    else counts.errors[error.code ?? error.message] = (counts.errors[error.code ?? error.message] ?? 0) + 1;
  }
}

const before = process.cpuUsage();
const started = performance.now();
const end = started + Number(values.seconds) * 1000;
await Promise.all(
  Array.from({ length: Number(values.clients) }, async (_, i) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    while (performance.now() < end) await one(agent, values.rough && i % 2 === 1);
    agent.destroy();
  }),
);
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(before);
await model?.dispose();
took.sort((a, b) => a - b);
const at = (share) => Math.round(took[Math.min(Math.floor(took.length * share), took.length - 1)] ?? 0);
console.log(
  JSON.stringify({
    seconds: Math.round(seconds * 10) / 10,
    ...counts,
    examples,
    perSecond: Math.round((counts.answered / seconds) * 100) / 100,
    ms: { p50: at(0.5), p95: at(0.95), p99: at(0.99) },
    processorShare: Math.round(((user + system) / 1e6 / seconds) * 100) / 100,
  }),
);
