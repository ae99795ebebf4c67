import { change, form } from '../state/form';
import { addAndAsk } from '../state/run';
import { areOfExample, EXAMPLES, type Example } from './examples';

/** Pixels. */
const HEIGHT = 84;

async function add({ url, name, labels }: Example): Promise<void> {
  const picture = await fetch(url).then((response) => response.blob());
  const { labels: now, draft } = form.value;
  if (draft === '' && (now.length === 0 || areOfExample(now))) change({ labels });
  addAndAsk([new File([picture], name, { type: 'image/webp' })]);
}

export const ExampleList = () => (
  <ul class="examples" aria-label="Example pictures">
    {EXAMPLES.map((example) => (
      <li key={example.name}>
        <button type="button" onClick={() => add(example).catch(() => {})} data-testid="example">
          <img src={example.url} alt={`Example: ${example.alt}`} width={HEIGHT * example.shape} height={HEIGHT} />
        </button>
      </li>
    ))}
  </ul>
);
