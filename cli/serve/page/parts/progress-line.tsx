import type { Progress } from '../server/types';
import { bytes, duration, percent } from './units';

const STAGES = { download: 'Downloading', convert: 'Converting', load: 'Loading' } as const;

/** A model on its way. */
export function ProgressLine({ progress, of }: { progress: Progress; of: string }) {
  const { stage, done, total, speed, timeLeft } = progress;
  const share = total > 0 ? Math.min(done / total, 1) : 0;
  const parts = [
    `${STAGES[stage]} ${percent(share)}`,
    ...(stage === 'load' ? [] : [`${bytes(done)} of ${bytes(total)}`]),
    ...(speed ? [`${bytes(speed)}/s`] : []),
    ...(timeLeft !== undefined && timeLeft > 0 ? [`${duration(timeLeft)} left`] : []),
  ];
  return (
    <div class="progress-line">
      <progress max={1} value={share} aria-label={`${STAGES[stage]} ${of}`} />
      <span>{parts.join(' · ')}</span>
    </div>
  );
}
