import type { Asked } from '../tasks/asked';
import { shellText } from './quote';

/** The question with curl. */
export function curlSample(
  { task, options }: Asked,
  model: string,
  server: string,
  keyNeeded: boolean,
  picture: string,
): string {
  const { labels, choices, ...texts } = options;
  const fields: [string, string][] = [
    ['model', model],
    ...Object.entries(texts).map(([name, value]): [string, string] => [name, String(value)]),
    ...(labels ? [['labels', labels.join(' ; ')] as [string, string]] : []),
    ...(choices ?? []).map((choice): [string, string] => ['choices', choice]),
  ];
  const parts = [
    `curl ${shellText(`${server}/v1/tasks/${task}`)}`,
    ...(keyNeeded ? ['-H "Authorization: Bearer $PALIGEMMA_KEY"'] : []),
    `-F ${shellText(`image=@${fileName(picture)}`)}`,
    // --form-string: a text that begins with @ or < is no file.
    ...fields.map(([name, value]) => `--form-string ${shellText(`${name}=${value}`)}`),
  ];
  return `${parts.join(' \\\n  ')}\n`;
}

/** curl reads a name with these in it only in double quotes. */
const fileName = (name: string): string =>
  /[;,"\\]/.test(name) ? `"${name.replace(/["\\]/g, (sign) => `\\${sign}`)}"` : name;
