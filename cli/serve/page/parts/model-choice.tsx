import { change, form } from '../state/form';
import { modelOf, models } from '../state/session';
import { useStore } from '../state/store';
import { ProgressLine } from './progress-line';

/** Which model answers, and what it runs on. */
export function ModelChoice() {
  const all = useStore(models);
  const chosen = useStore(form).model;
  const model = modelOf(chosen);
  if (!model) return <div class="model" />;
  const { state, info, progress, error, embedded } = model.paligemma;
  return (
    <div class="model">
      <select
        aria-label="Model"
        value={model.id}
        onChange={(event) => change({ model: event.currentTarget.value })}
        data-testid="model"
      >
        {all.map(({ id, paligemma }) => (
          <option key={id} value={id}>
            {id}
            {paligemma.embedded && id !== 'embedded' ? ' (embedded)' : ''}
          </option>
        ))}
      </select>
      <span class={`model-state ${state}`} data-testid="model-state">
        {state === 'loaded' && info && (
          <>
            {info.devices.join(' + ')} · {info.quantization}
          </>
        )}
        {state === 'unloaded' && 'loads with the first question'}
        {state === 'loading' && (progress ? <ProgressLine progress={progress} of={model.id} /> : 'loading')}
        {state === 'failed' && `could not be loaded: ${error?.message ?? 'no reason was given'}`}
      </span>
      {embedded && <span class="model-state">knows drawn emoji scenes only</span>}
    </div>
  );
}
