import { change, form } from '../state/form';
import { useStore } from '../state/store';
import { Icon } from './icons';

/** As many letters as there are. */
const MOST = 26;

export function ChoicesField() {
  const { choices } = useStore(form);
  const set = (index: number, text: string) => change({ choices: choices.map((one, i) => (i === index ? text : one)) });
  return (
    <fieldset class="field choices">
      <legend>Answers to choose from</legend>
      {choices.map((choice, index) => {
        const letter = String.fromCharCode(65 + index);
        return (
          <div class="choice" key={index}>
            <span aria-hidden="true">{letter}</span>
            <input
              type="text"
              aria-label={`Answer ${letter}`}
              value={choice}
              onInput={(event) => set(index, event.currentTarget.value)}
              data-testid="choice"
            />
            {choices.length > 2 && (
              <button
                type="button"
                class="button round"
                aria-label={`Remove answer ${letter}`}
                onClick={() => change({ choices: choices.filter((_, i) => i !== index) })}
              >
                <Icon name="close" />
              </button>
            )}
          </div>
        );
      })}
      {choices.length < MOST && (
        <button
          type="button"
          class="button quiet-button"
          onClick={() => change({ choices: [...choices, ''] })}
          data-testid="add-choice"
        >
          <Icon name="plus" />
          <span>Another answer</span>
        </button>
      )}
    </fieldset>
  );
}
