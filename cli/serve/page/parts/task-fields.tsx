import { change, form } from '../state/form';
import { pictureOf, selected } from '../state/pictures';
import { modelOf, models } from '../state/session';
import { useStore } from '../state/store';
import { byName, EMBEDDED_LANGUAGES, LANGUAGES, languageLabel } from '../tasks/languages';
import { wordsOf } from '../tasks/tasks';
import { ChoicesField } from './choices-field';
import { exampleNamed } from './examples';
import { LabelsField } from './labels-field';

/** What a task needs to know. */
export function TaskFields() {
  const { task, model } = useStore(form);
  useStore(models);
  const { embedded = false, info } = modelOf(model)?.paligemma ?? {};
  return (
    <>
      {(task === 'answer' || task === 'choose') && <QuestionField suggest={embedded && task === 'answer'} />}
      {(task === 'detect' || task === 'segment') && <LabelsField />}
      {task === 'choose' && <ChoicesField />}
      {wordsOf(task).language && <LanguageField codes={embedded ? EMBEDDED_LANGUAGES : LANGUAGES} />}
      {embedded && task === 'choose' && (
        <p class="quiet">The embedded model was not taught to choose: its probabilities mean little.</p>
      )}
      {task === 'segment' && info?.maskDecoder === false && (
        <p class="quiet">
          This model has no mask decoder and gives boxes only. Convert it again with{' '}
          <code>--mask-decoder vae-oid.npz</code> for shapes.
        </p>
      )}
    </>
  );
}

function QuestionField({ suggest }: { suggest: boolean }) {
  const { question } = useStore(form);
  const example = exampleNamed(pictureOf(useStore(selected))?.name ?? '');
  return (
    <>
      <label class="field">
        <span>Question</span>
        <input
          type="text"
          dir="auto"
          value={question}
          placeholder="how many owls are there?"
          onInput={(event) => change({ question: event.currentTarget.value })}
          data-testid="question"
        />
      </label>
      {suggest && example && (
        <ul class="suggestions" aria-label="Questions to try">
          {example.questions.map((text) => (
            <li key={text}>
              <button type="button" class="chip" onClick={() => change({ question: text })}>
                {text}
              </button>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function LanguageField({ codes }: { codes: string[] }) {
  const { language } = useStore(form);
  // What was chosen stays, also where another model does not list it.
  const all = byName(codes.includes(language) ? codes : [...codes, language]);
  return (
    <label class="field">
      <span>Language of the answer</span>
      <select
        value={language}
        onChange={(event) => change({ language: event.currentTarget.value })}
        data-testid="language"
      >
        {all.map((code) => (
          <option key={code} value={code}>
            {languageLabel(code)}
          </option>
        ))}
      </select>
    </label>
  );
}
