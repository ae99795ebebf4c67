import { useState } from 'preact/hooks';
import { coloursOf } from '../drawing/colours';
import { drawnPicture } from '../drawing/save';
import { curlSample } from '../samples/curl';
import { javascriptSample } from '../samples/javascript';
import { openaiSample } from '../samples/openai';
import type { TaskResult } from '../server/types';
import { answers } from '../state/answers';
import { hidden, isHidden, threshold } from '../state/objects';
import { type Picture, pictures } from '../state/pictures';
import { config, modelOf } from '../state/session';
import type { Asked } from '../tasks/asked';
import { wordsOf } from '../tasks/tasks';
import { CodeBox } from './code-box';
import { CopyButton } from './copy-button';
import { Icon } from './icons';
import { saveFile, withoutEnding } from './save-file';

interface Properties {
  picture: Picture;
  asked: Asked;
  result: TaskResult;
}

const FORMS = { json: 'JSON', javascript: 'JavaScript', openai: 'OpenAI client', curl: 'curl' } as const;
type Form = keyof typeof FORMS;

/** The answer to take along: as JSON, as code that does the same, as a picture. */
export function TakeAway({ picture, asked, result }: Properties) {
  const [form, setForm] = useState<Form>('json');
  const text = textOf(form, picture, asked, result);
  const names = Object.keys(FORMS) as Form[];
  return (
    <div class="take-away">
      <div class="row">
        {result.objects && <SaveDrawing picture={picture} result={result} />}
        {wordsOf(asked.task).streams && <CopyButton text={() => result.text ?? ''} what="the text" />}
        <SaveAll />
      </div>
      <details>
        <summary data-testid="code-samples">JSON and code</summary>
        <fieldset class="forms">
          <legend class="unseen">Form</legend>
          {names.map((name) => (
            <label key={name} class={name === form ? 'chosen' : ''}>
              <input
                type="radio"
                name="form"
                checked={name === form}
                onChange={() => setForm(name)}
                data-testid={`form-${name}`}
              />
              <span>{FORMS[name]}</span>
            </label>
          ))}
        </fieldset>
        <CodeBox name={FORMS[form]} text={text} />
      </details>
    </div>
  );
}

function textOf(form: Form, { name, open }: Picture, asked: Asked, result: TaskResult): string {
  if (form === 'json') return JSON.stringify(result, null, 2);
  const model = modelOf(asked.model);
  const id = model?.id ?? result.model;
  const server = new URL('.', location.href).href.replace(/\/$/, '');
  const keyNeeded = config.value?.keyNeeded ?? false;
  if (form === 'curl') return curlSample(asked, id, server, keyNeeded, name);
  if (form === 'openai') return openaiSample(asked, id, server, keyNeeded, name, open?.sent.type ?? 'image/jpeg');
  const hubId = id.includes('/') && model?.paligemma.embedded === false;
  return javascriptSample(asked, id, hubId ? model?.paligemma.info?.quantization : undefined, name);
}

function SaveDrawing({ picture, result }: Omit<Properties, 'asked'>) {
  const [problem, setProblem] = useState<string>();
  const save = async () => {
    const { objects = [] } = result;
    const shown = objects.filter(
      ({ score }, index) => score >= threshold.value && !isHidden(hidden.value, picture.id, index),
    );
    setProblem(undefined);
    try {
      const drawing = await drawnPicture(picture.open?.url ?? '', shown, coloursOf(objects));
      saveFile(drawing, `${withoutEnding(picture.name)}-found.png`);
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  return (
    <>
      <button type="button" class="button" onClick={save} data-testid="save-picture">
        <Icon name="save" />
        <span>Save picture</span>
      </button>
      {problem !== undefined && (
        <span class="error" role="alert">
          {problem}
        </span>
      )}
    </>
  );
}

/** All answers in one file, where there are several. */
function SaveAll() {
  if (pictures.value.length < 2) return null;
  const save = () => {
    const all = pictures.value.flatMap(({ id, name }) => {
      const answer = answers.value.get(id);
      return answer?.result
        ? [{ image: name, task: answer.asked.task, ...answer.asked.options, ...answer.result }]
        : [];
    });
    saveFile(new Blob([JSON.stringify(all, null, 2)], { type: 'application/json' }), 'answers.json');
  };
  return (
    <button type="button" class="button" onClick={save} data-testid="save-all">
      <Icon name="save" />
      <span>Save all answers</span>
    </button>
  );
}
