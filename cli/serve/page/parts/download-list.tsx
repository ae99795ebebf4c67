import { cancelDownload } from '../server/api';
import { change } from '../state/form';
import { downloads, models, refreshModels } from '../state/session';
import { useStore } from '../state/store';
import { ProgressLine } from './progress-line';

export function DownloadList() {
  const all = useStore(downloads);
  const there = useStore(models);
  return (
    <section>
      <h3>Downloads</h3>
      <ul class="downloads">
        {all.map(({ id, model, quantization, state, progress, error, notices }) => (
          <li key={id} data-testid="download" data-state={state}>
            <div class="row">
              <strong>{model}</strong>
              <span class="quiet">{quantization}</span>
              {state === 'running' && (
                <button
                  type="button"
                  class="button push"
                  aria-label={`Cancel the download of ${model}`}
                  onClick={() =>
                    cancelDownload(id)
                      .catch(() => {})
                      .then(refreshModels)
                  }
                >
                  Cancel
                </button>
              )}
              {state === 'done' && there.some((one) => one.id === model) && (
                <button type="button" class="button push" onClick={() => change({ model })}>
                  Use it
                </button>
              )}
            </div>
            {state === 'running' && progress && <ProgressLine progress={progress} of={model} />}
            {state === 'done' && <p class="quiet">Done. It is in the list of models.</p>}
            {state === 'cancelled' && (
              <p class="quiet">Cancelled. What came is kept: started again, it goes on from there.</p>
            )}
            {state === 'failed' && <p class="error">{error?.message ?? 'It failed.'}</p>}
            {notices.map((notice) => (
              <p key={notice} class="quiet">
                {notice}
              </p>
            ))}
          </li>
        ))}
      </ul>
    </section>
  );
}
