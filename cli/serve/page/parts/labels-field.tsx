import { useId, useRef } from 'preact/hooks';
import { change, form } from '../state/form';
import { useStore } from '../state/store';
import { withLabels } from '../tasks/labels';
import { Icon } from './icons';

/** Names of things: each becomes a chip at `;`, and all that is typed counts. */
export function LabelsField() {
  const { labels, draft } = useStore(form);
  const field = useRef<HTMLInputElement>(null);
  const [name, help] = [useId(), useId()];
  const type = (text: string) => {
    const cut = text.lastIndexOf(';');
    if (cut < 0) change({ draft: text });
    else change({ labels: withLabels(labels, text.slice(0, cut)), draft: text.slice(cut + 1).trimStart() });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Backspace' && draft === '' && labels.length > 0) change({ labels: labels.slice(0, -1) });
  };
  const remove = (label: string) => {
    change({ labels: labels.filter((one) => one !== label) });
    field.current?.focus();
  };
  return (
    <div class="field">
      <label for={name}>What to look for</label>
      <div class="chips">
        {labels.map((label) => (
          <span key={label} class="chip" data-testid="label-chip">
            {label}
            <button type="button" aria-label={`Do not look for ${label}`} onClick={() => remove(label)}>
              <Icon name="close" />
            </button>
          </span>
        ))}
        <input
          ref={field}
          id={name}
          type="text"
          value={draft}
          placeholder={labels.length === 0 ? 'owl ; cat' : ''}
          aria-describedby={help}
          autocomplete="off"
          autocapitalize="none"
          onInput={(event) => type(event.currentTarget.value)}
          onKeyDown={onKeyDown}
          data-testid="labels"
        />
      </div>
      <span id={help} class="quiet">
        Put ; between several.
      </span>
    </div>
  );
}
