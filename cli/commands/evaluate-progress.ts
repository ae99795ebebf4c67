import { Presets, SingleBar } from 'cli-progress';
import { type Measure, type Prediction, type RunningScore, runningScore } from '../evaluate/running-score.js';
import { remark } from './common.js';
import { duration } from './format.js';
import { drawsBars, LINE_EVERY_MS } from './progress-bar.js';

/** How far an evaluation is, with the score until now and its interval: a bar on a terminal, a line now and then elsewhere. */
export class EvaluateProgress {
  readonly #total: number;
  readonly #score: RunningScore;
  readonly #started = performance.now();
  #before = 0;
  #bar: SingleBar | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(measure: Measure, total: number) {
    this.#total = total;
    this.#score = runningScore(measure);
  }

  /** Shows it from now on. */
  start(): void {
    if (drawsBars(process.stderr)) {
      const format = '{bar} {value} of {total}{left}  {score}';
      this.#bar = new SingleBar({ stream: process.stderr, hideCursor: true, format }, Presets.shades_classic);
      this.#bar.start(this.#total, this.#score.count, this.#payload());
      process.once('exit', this.#stopBar);
    } else this.#timer = setInterval(() => remark(this.#line()), LINE_EVERY_MS).unref();
  }

  /** @param fromBefore it is an earlier run's, and says nothing of the speed */
  readonly add = (prediction: Prediction, fromBefore: boolean): void => {
    this.#score.add(prediction);
    if (fromBefore) this.#before++;
    this.#bar?.update(this.#score.count, this.#payload());
  };

  say(text: string): void {
    if (this.#bar) process.stderr.write('\n');
    remark(text);
  }

  end(): void {
    clearInterval(this.#timer);
    process.off('exit', this.#stopBar);
    this.#stopBar();
  }

  /** Brings back the cursor too. */
  readonly #stopBar = (): void => this.#bar?.stop();

  #payload() {
    const { count } = this.#score;
    const perSecond = (count - this.#before) / ((performance.now() - this.#started) / 1000);
    const left = perSecond > 0 ? `, ${duration((this.#total - count) / perSecond)} left` : '';
    return { left, score: this.#score.text() };
  }

  #line(): string {
    const { left, score } = this.#payload();
    return `${this.#score.count} of ${this.#total} questions${left}  ${score}`;
  }
}
