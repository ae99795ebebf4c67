import type { Timings } from '../server/types';
import { milliseconds } from './units';

const PARTS = [
  ['image', 'image'],
  ['queue', 'queue'],
  ['vision', 'vision'],
  ['prefill', 'prefix'],
  ['decode', 'decoding'],
] as const;

/** How long each part of the work took. */
export function TimingsView({ timings, remembered }: { timings: Timings; remembered: boolean }) {
  const sum = PARTS.reduce((total, [name]) => total + timings[name], 0) || 1;
  return (
    <div class="timings" data-testid="timings">
      <div class="stack" aria-hidden="true">
        {PARTS.map(([name]) => (
          <span key={name} class={name} style={{ width: `${(100 * timings[name]) / sum}%` }} />
        ))}
      </div>
      <dl>
        {PARTS.map(([name, words]) => (
          <div key={name}>
            <dt class={name}>{words}</dt>
            <dd>{name === 'vision' && remembered ? 'remembered' : milliseconds(timings[name])}</dd>
          </div>
        ))}
        <div class="total">
          <dt>in all</dt>
          <dd>{milliseconds(timings.total)}</dd>
        </div>
      </dl>
    </div>
  );
}
