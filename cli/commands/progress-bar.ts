import { Presets, SingleBar } from 'cli-progress';
import type { Progress } from 'node-paligemma';
import { bytes, duration } from './format.js';

/** Where no terminal shows a bar, a log gets a line so often: enough to see that it goes on, and to be read later. */
export const LINE_EVERY_MS = 10_000;

const DOING = { download: 'downloading', convert: 'converting', load: 'loading' };

/** Whether a bar can be drawn there: not by a terminal that says that it cannot move its cursor. */
export const drawsBars = (stream: NodeJS.WriteStream, terminal = process.env.TERM): boolean =>
  stream.isTTY && terminal !== 'dumb';

/** How far a stage of work is: a bar on a terminal; elsewhere a plain line now and then, and none of what is done at once. */
export class ProgressBar {
  #bar: SingleBar | undefined;
  #stage: Progress['stage'] | undefined;
  #said = 0;

  /** @param now the time in milliseconds */
  constructor(
    private readonly stream: NodeJS.WriteStream = process.stderr,
    private readonly now = () => performance.now(),
  ) {}

  /** Loading takes a moment only: it has no bar. */
  readonly update = (progress: Progress): void => {
    const { stage, done, total, speed = 0, timeLeft = Number.POSITIVE_INFINITY } = progress;
    if (stage === 'load') {
      this.stop();
      return;
    }
    const payload = { stage: DOING[stage], speed: `${bytes(Math.round(speed))}/s`, left: duration(timeLeft) };
    if (stage !== this.#stage) {
      this.stop();
      this.#stage = stage;
      this.#said = this.now();
      if (drawsBars(this.stream)) {
        this.#bar = newBar(this.stream);
        this.#bar.start(total, done, payload);
      }
    }
    this.#bar?.update(done, payload);
    if (drawsBars(this.stream) || this.now() - this.#said < LINE_EVERY_MS) return;
    this.#said = this.now();
    const percent = Math.floor((100 * done) / Math.max(total, 1));
    const { speed: rate, left } = payload;
    this.stream.write(`${payload.stage} ${percent}%: ${bytes(done)} of ${bytes(total)}, ${rate}, ${left} left\n`);
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

const newBar = (stream: NodeJS.WriteStream) =>
  new SingleBar(
    {
      stream,
      hideCursor: true,
      clearOnComplete: true,
      format: '{stage} {bar} {percentage}%  {value} of {total}, {speed}, {left} left',
      formatValue: (value, _options, type) => (type === 'value' || type === 'total' ? bytes(value) : String(value)),
    },
    Presets.shades_classic,
  );
