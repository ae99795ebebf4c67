import { type Answer, answers } from '../state/answers';
import { form } from '../state/form';
import { clearPictures, type Picture, pictures, removePicture, selected } from '../state/pictures';
import { stop } from '../state/run';
import { modelOf, models } from '../state/session';
import { changeSettings, settings } from '../state/settings';
import { useStore } from '../state/store';
import { answerInWords } from '../tasks/asked';
import { ExampleList } from './example-list';
import { failureWords } from './failure-words';
import { Icon } from './icons';
import { PictureInput } from './picture-input';

/** All pictures, each with its own answer. */
export function PictureList() {
  const all = useStore(pictures);
  const shown = useStore(selected);
  const answered = useStore(answers);
  const { atOnce } = useStore(settings);
  useStore(models);
  const embedded = modelOf(useStore(form).model)?.paligemma.embedded ?? false;
  if (all.length === 0) return null;
  return (
    <section class="picture-list" aria-label="Pictures">
      <div class="row">
        <PictureInput>Add pictures</PictureInput>
        <PictureInput photograph>Photograph</PictureInput>
        <button
          type="button"
          class="button quiet-button"
          onClick={() => {
            stop();
            clearPictures();
          }}
          data-testid="clear"
        >
          {all.length === 1 ? 'Remove' : `Remove all ${all.length}`}
        </button>
        <label class="check push">
          <input
            type="checkbox"
            checked={atOnce}
            onChange={(event) => changeSettings({ atOnce: event.currentTarget.checked })}
            data-testid="at-once"
          />
          <span>Answer new pictures at once</span>
        </label>
      </div>
      <ul aria-label="All pictures" data-testid="picture-list">
        {all.map((picture) => (
          <Row key={picture.id} picture={picture} answer={answered.get(picture.id)} chosen={picture.id === shown} />
        ))}
      </ul>
      {embedded && (
        <details>
          <summary>Example pictures</summary>
          <ExampleList />
        </details>
      )}
    </section>
  );
}

function Row({ picture, answer, chosen }: { picture: Picture; answer: Answer | undefined; chosen: boolean }) {
  const { id, name, open, problem } = picture;
  const { words, state } = inShort(answer, problem);
  return (
    <li class={chosen ? 'chosen' : ''} data-testid="picture-row" data-state={state}>
      <button
        type="button"
        class="picture-row"
        aria-pressed={chosen}
        onClick={() => {
          selected.value = id;
        }}
      >
        {open ? (
          <img src={open.thumbnail} alt="" />
        ) : (
          <span class="no-picture">{problem !== undefined && <Icon name="warning" />}</span>
        )}
        <span class="texts">
          <span class="name">{name}</span>
          <span class={`words ${state}`} dir="auto" data-testid="row-answer">
            {words}
          </span>
        </span>
      </button>
      <button
        type="button"
        class="button round"
        aria-label={`Remove ${name}`}
        onClick={() => removePicture(id)}
        data-testid="remove"
      >
        <Icon name="close" />
      </button>
    </li>
  );
}

type State = Answer['state'] | 'none';

function inShort(answer: Answer | undefined, problem: string | undefined): { words: string; state: State } {
  if (problem !== undefined) return { words: problem, state: 'failed' };
  if (!answer) return { words: 'not asked yet', state: 'none' };
  const { state, text, note, result, error } = answer;
  if (state === 'done' && result) return { words: answerInWords(result), state };
  if (state === 'failed' && error) return { words: failureWords(error).title, state };
  if (state === 'stopped') return { words: text === '' ? 'stopped' : `${text} … (stopped)`, state };
  if (state === 'waiting') return { words: 'waits for its turn', state };
  return { words: note ?? (text === '' ? 'looking …' : text), state };
}
