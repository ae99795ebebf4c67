import { coloursOf } from '../drawing/colours';
import type { FoundObject } from '../server/types';
import { hidden, isHidden, pointed, threshold, toggleObject } from '../state/objects';
import { useStore } from '../state/store';

interface Properties {
  picture: number;
  objects: FoundObject[];
  /** What was looked for. */
  labels: string[];
}

/** Found objects: each can be switched on and off, and is marked in the picture while it has the focus or the pointer. */
export function ObjectList({ picture, objects, labels }: Properties) {
  const off = useStore(hidden);
  const least = useStore(threshold);
  const marked = useStore(pointed);
  const colour = coloursOf(objects);
  if (objects.length === 0)
    return (
      <p class="text" data-testid="answer-text">
        Nothing found: no {labels.join(', no ')}.
      </p>
    );
  const above = objects.filter(({ score }) => score >= least).length;
  const mark = (index: number | null) => () => {
    pointed.value = index;
  };
  return (
    <>
      <ul class="objects" aria-label="Objects" data-testid="objects">
        {objects.map(({ label, score }, index) => {
          if (score < least) return null;
          return (
            <li key={index}>
              <label
                class={`check ${marked === index ? 'marked' : ''}`}
                onPointerEnter={mark(index)}
                onPointerLeave={mark(null)}
              >
                <input
                  type="checkbox"
                  checked={!isHidden(off, picture, index)}
                  onChange={() => toggleObject(picture, index)}
                  onFocus={mark(index)}
                  onBlur={mark(null)}
                  data-testid="object"
                />
                <span class="swatch" style={{ '--colour': colour(label) }} aria-hidden="true" />
                <span class="label">{label}</span>
                <span class="score">{score.toFixed(2)}</span>
              </label>
            </li>
          );
        })}
      </ul>
      <label class="field slider">
        <span>
          Least score <output>{least.toFixed(2)}</output>
        </span>
        <input
          type="range"
          min={0}
          max={1}
          step={0.01}
          value={least}
          onInput={(event) => {
            threshold.value = Number(event.currentTarget.value);
          }}
          data-testid="threshold"
        />
      </label>
      <p class="quiet" data-testid="object-count">
        {above === objects.length ? `${objects.length} found.` : `${above} of ${objects.length} shown.`}
      </p>
    </>
  );
}
