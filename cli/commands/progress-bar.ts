import { Presets, SingleBar } from 'cli-progress';
import type { Progress } from 'node-paligemma';
import { bytes, duration } from './format.js';

const DOING = { download: 'downloading', convert: 'converting', load: 'loading' };

/** A bar for each stage of work on a terminal; elsewhere nothing, so that logs stay readable. */
export class ProgressBar {
  #bar: SingleBar | undefined;
  #stage: Progress['stage'] | undefined;

  /** Loading takes a moment only: it has no bar. */
  readonly update = ({ stage, done, total, speed = 0, timeLeft = Number.POSITIVE_INFINITY }: Progress): void => {
    if (stage === 'load') {
      this.stop();
      return;
    }
    const payload = { stage: DOING[stage], speed: `${bytes(Math.round(speed))}/s`, left: duration(timeLeft) };
    if (stage !== this.#stage) {
      this.stop();
      this.#stage = stage;
      this.#bar = newBar();
      this.#bar.start(total, done, payload);
    }
    this.#bar?.update(done, payload);
  };

  /** A way to say something without tearing the bar. */
  say =
    (print: (line: string) => void) =>
    (line: string): void => {
      this.stop();
      print(line);
    };

  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
    this.#stage = undefined;
  }
}

const newBar = () =>
  new SingleBar(
    {
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: true,
      format: '{stage} {bar} {percentage}%  {value} of {total}, {speed}, {left} left',
      formatValue: (value, _options, type) => (type === 'value' || type === 'total' ? bytes(value) : String(value)),
      noTTYOutput: false,
    },
    Presets.shades_classic,
  );
