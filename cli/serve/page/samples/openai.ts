import type { Asked } from '../tasks/asked';
import { promptOf } from './prompt';
import { jsText } from './quote';

/** The question with OpenAI's client. */
export function openaiSample(
  asked: Asked,
  model: string,
  server: string,
  keyNeeded: boolean,
  picture: string,
  type: string,
): string {
  const key = keyNeeded ? 'process.env.PALIGEMMA_KEY' : "'none'";
  return `import { readFile } from 'node:fs/promises';
import OpenAI from 'openai';

const client = new OpenAI({ baseURL: ${jsText(`${server}/v1`)}, apiKey: ${key} });
const picture = await readFile(${jsText(picture)}, 'base64');
const answer = await client.chat.completions.create({
  model: ${jsText(model)},
  messages: [
    {
      role: 'user',
      content: [
        { type: 'image_url', image_url: { url: \`data:${type};base64,\${picture}\` } },
        { type: 'text', text: ${jsText(promptOf(asked))} },
      ],
    },
  ],
});
console.log(answer.choices[0].message.content);
`;
}
