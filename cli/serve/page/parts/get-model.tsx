import { useEffect, useState } from 'preact/hooks';
import { getPublished, startDownload } from '../server/api';
import type { PublishedModel } from '../server/types';
import { refreshModels } from '../state/session';
import { CodeBox } from './code-box';
import { bytes } from './units';

const PRESET = 'google/paligemma2-3b-mix-224';
const LICENCE = 'https://ai.google.dev/gemma/terms';
const TYPES = ['q4_k_m', 'q8_0', 'f16'];

/** How to get Google's weights: the steps, and where the server allows it, the download itself. */
export function GetModel({ downloads, hubToken }: { downloads: boolean; hubToken: boolean }) {
  const [published, setPublished] = useState<PublishedModel[]>([]);
  const [types, setTypes] = useState(TYPES);
  const [id, setId] = useState(PRESET);
  const [type, setType] = useState('q4_k_m');
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    if (!downloads) return;
    getPublished().then(
      (found) => {
        setPublished(found.models);
        setTypes(found.types);
      },
      () => {}, // the steps are of use without it
    );
  }, [downloads]);
  const model = published.find((one) => one.id === id);
  const size = model?.sizes[type];
  const command = `npx paligemma serve --model ${id} --quantization ${type}`;
  const start = () => {
    setProblem(undefined);
    startDownload(id, type).then(refreshModels, (error: Error) => setProblem(error.message));
  };
  const link = (href: string, words: string) => (
    <a href={href} target="_blank" rel="noreferrer">
      {words}
    </a>
  );
  return (
    <section>
      <h3>Get one of Google’s models</h3>
      <p>They know photographs, and answer in 35 languages.</p>
      <div class="row fields">
        {published.length > 0 && (
          <label class="field">
            <span>Model</span>
            <select value={id} onChange={(event) => setId(event.currentTarget.value)} data-testid="published">
              <Group label="For all tasks" models={published.filter(({ kind }) => kind === 'mix')} />
              <Group label="For one task" models={published.filter(({ kind }) => kind === 'ft')} />
              <Group label="To be fine-tuned" models={published.filter(({ kind }) => kind === 'pt')} />
            </select>
          </label>
        )}
        <label class="field">
          <span>Type</span>
          <select value={type} onChange={(event) => setType(event.currentTarget.value)} data-testid="quantization">
            {types.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      </div>
      {size && (
        <p class="quiet">
          About {bytes(size.disk)} on the disk and {bytes(size.memory)} of memory.
        </p>
      )}
      <ol class="steps">
        <li>
          Open {link(model?.page ?? `https://huggingface.co/${id}`, 'the model’s page')}, log in and accept{' '}
          {link(model?.licenceUrl ?? LICENCE, 'the licence')}.
        </li>
        {hubToken ? (
          <li>A Hugging Face token is there already.</li>
        ) : (
          <li>
            Make {link('https://huggingface.co/settings/tokens', 'an access token')} and set <code>HF_TOKEN</code>, or
            log in with <code>hf auth login</code>.
          </li>
        )}
        <li>
          {downloads && hubToken ? 'Download it here, or start the server with it:' : 'Start the server with it:'}
          <CodeBox name="the command" text={command} />
        </li>
      </ol>
      {downloads && hubToken && (
        <button type="button" class="button primary" onClick={start} data-testid="start-download">
          Download {size ? `(${bytes(size.disk)} once converted)` : ''}
        </button>
      )}
      {problem !== undefined && (
        <p class="error" role="alert">
          {problem}
        </p>
      )}
    </section>
  );
}

const Group = ({ label, models }: { label: string; models: PublishedModel[] }) => (
  <optgroup label={label}>
    {models.map(({ id }) => (
      <option key={id} value={id}>
        {id}
      </option>
    ))}
  </optgroup>
);
