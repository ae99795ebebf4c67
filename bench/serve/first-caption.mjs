#!/usr/bin/env node
// From `paligemma serve` to the first caption in its page: the embedded model, the first example picture, a browser that is open.
//
//   node bench/serve/first-caption.mjs [--rounds 5]
import { spawn } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import puppeteer from 'puppeteer-core';

const CLI = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..', 'cli', 'dist', 'cli.js');
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });

const browser = await puppeteer.launch({
  executablePath: process.env.CHROME_PATH ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
});
const rounds = [];
for (let i = 0; i < Number(values.rounds); i++) {
  const started = performance.now();
  const since = () => Math.round(performance.now() - started);
  const server = spawn(process.execPath, [CLI, 'serve', '--model', 'embedded', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise((resolve) => {
    server.stdout.on('data', (text) => resolve(/http:\S+/.exec(text)[0]));
  });
  const listening = since();
  const page = await browser.newPage();
  await page.goto(url);
  const example = await page.waitForSelector('[data-testid="example"]', { visible: true });
  const shown = since();
  await example.click();
  await page.waitForSelector('[data-testid="answer"][data-state="done"]');
  rounds.push({ listening, shown, caption: since() });
  await page.close();
  server.kill();
  await new Promise((resolve) => server.once('exit', resolve));
}
await browser.close();
const median = (name) => rounds.map((round) => round[name]).sort((a, b) => a - b)[rounds.length >> 1];
const medians = Object.fromEntries(['listening', 'shown', 'caption'].map((name) => [name, median(name)]));
console.log(JSON.stringify({ cpu: os.cpus()[0].model, load: os.loadavg()[0], milliseconds: medians, rounds }));
