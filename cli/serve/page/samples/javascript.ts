import type { Asked } from '../tasks/asked';
import { jsList, jsText } from './quote';

/** The question with the library. */
export function javascriptSample(
  asked: Asked,
  model: string,
  quantization: string | undefined,
  picture: string,
): string {
  const load =
    quantization === undefined ? jsText(model) : `${jsText(model)}, { quantization: ${jsText(quantization)} }`;
  return `import { PaliGemma } from 'node-paligemma';

const model = await PaliGemma.load(${load});
${question(asked, jsText(picture))}
console.log(result);
await model.dispose();
`;
}

function question({ task, options }: Asked, picture: string): string {
  const { language, question = '', labels = [], choices = [] } = options;
  const tongue = language === undefined ? '' : `, { language: ${jsText(language)} }`;
  switch (task) {
    case 'caption':
      return `const result = await model.caption(${picture}${tongue});`;
    case 'answer':
      return `const result = await model.answer(${picture}, ${jsText(question)}${tongue});`;
    case 'read':
      return `const result = await model.read(${picture});`;
    case 'detect':
    case 'segment':
      return `const result = await model.${task}(${picture}, ${jsList(labels)});`;
    case 'choose':
      return `const question = { question: ${jsText(question)}, choices: ${jsList(choices)} };
const result = await model.choose(${picture}, question, { score: true });`;
  }
}
