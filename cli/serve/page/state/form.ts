import type { Asked } from '../tasks/asked';
import { withLabels } from '../tasks/labels';
import { type TaskName, wordsOf } from '../tasks/tasks';
import { Store } from './store';

/** What the user has filled in. It stays while the task changes, so that nothing is typed twice. */
export interface Form {
  task: TaskName;
  model: string;
  language: string;
  question: string;
  labels: string[];
  /** Names that are being typed. */
  draft: string;
  choices: string[];
}

export const form = new Store<Form>({
  task: 'caption',
  model: '',
  language: 'en',
  question: '',
  labels: [],
  draft: '',
  choices: ['', ''],
});

export const change = (part: Partial<Form>): void => {
  form.value = { ...form.value, ...part };
};

/** The question that the form asks, or what is missing for one. */
export function askedBy(given: Form): Asked | { missing: string } {
  const { task, model, language } = given;
  const asked = (options: Asked['options']): Asked => ({ task, model, options });
  const question = given.question.trim();
  const said = wordsOf(task).language && language !== 'en' ? { language } : {};
  switch (task) {
    case 'caption':
      return asked(said);
    case 'read':
      return asked({});
    case 'answer':
      return question === '' ? { missing: 'Write a question.' } : asked({ question, ...said });
    case 'detect':
    case 'segment': {
      const labels = withLabels(given.labels, given.draft);
      return labels.length === 0 ? { missing: 'Name at least one thing to look for.' } : asked({ labels });
    }
    case 'choose': {
      const choices = given.choices.map((choice) => choice.trim()).filter((choice) => choice !== '');
      if (question === '') return { missing: 'Write a question.' };
      return choices.length < 2 ? { missing: 'Give at least two answers.' } : asked({ question, choices, score: true });
    }
  }
}
