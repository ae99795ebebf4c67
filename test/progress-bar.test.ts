// How far a download or a conversion is, on a terminal and in a log.
import { PassThrough } from 'node:stream';
import { expect, test } from '@jest/globals';
import { drawsBars, LINE_EVERY_MS, ProgressBar } from '../cli/commands/progress-bar.js';

/** What a bar writes while an hour passes, told of it every second. */
function anHour(isTTY: boolean): string {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 100, cursorTo() {}, clearLine() {} });
  let now = 0;
  const bar = new ProgressBar(stream as never, () => now);
  const total = 3600e6;
  for (const stage of ['download', 'convert'] as const)
    for (let done = 0; done < total / 2; done += 1e6, now += 1000)
      bar.update({ stage, done, total, speed: 1e6, timeLeft: (total - done) / 1e6 });
  bar.stop();
  return String(stream.read() ?? '');
}

test('a log gets plain lines, one now and then', () => {
  const lines = anHour(false).trimEnd().split('\n');
  expect(lines.length).toBeLessThanOrEqual(3600e3 / LINE_EVERY_MS);
  expect(lines.length).toBeGreaterThan(100);
  for (const line of lines)
    expect(line).toMatch(/^(downloading|converting) \d+%: [\d.]+ [kMG]B of 3\.6 GB, 1\.0 MB\/s, [\w ]+ left$/);
});

test('a terminal gets a bar', () => {
  expect(anHour(true)).toMatch(/downloading .*█.* of 3\.6 GB/);
});

test('a terminal that cannot move its cursor gets none', () => {
  const terminal = { isTTY: true } as NodeJS.WriteStream;
  expect(['xterm-256color', '', 'dumb'].map((name) => drawsBars(terminal, name))).toEqual([true, true, false]);
});

test('of what is done at once a log gets nothing', () => {
  const stream = Object.assign(new PassThrough(), { isTTY: false });
  const bar = new ProgressBar(stream as never, () => 0);
  for (const done of [0, 5, 10]) bar.update({ stage: 'convert', done, total: 10 });
  bar.update({ stage: 'load', done: 1, total: 1 });
  bar.stop();
  expect(stream.read()).toBeNull();
});
