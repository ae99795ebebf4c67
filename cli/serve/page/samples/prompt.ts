import type { Asked } from '../tasks/asked';

/** The question as the model itself is asked it. */
export function promptOf({ task, options }: Asked): string {
  const { language = 'en', question = '', labels = [], choices = [] } = options;
  switch (task) {
    case 'caption':
      return `caption ${language}`;
    case 'answer':
      return `answer ${language} ${question}`;
    case 'read':
      return 'ocr';
    case 'detect':
    case 'segment':
      return `${task} ${labels.join(' ; ')}`;
    case 'choose': {
      const options = choices.map((choice, i) => `(${String.fromCharCode(65 + i)}) ${choice}`).join(', ');
      return `Question: ${question}\nContext: \nOptions: ${options}\nAnswer:`;
    }
  }
}
