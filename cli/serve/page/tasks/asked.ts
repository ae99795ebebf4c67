import type { TaskResult } from '../server/types';
import { languageName } from './languages';
import type { TaskName } from './tasks';
import { wordsOf } from './tasks';

/** A question as it is put to a picture. */
export interface Asked {
  task: TaskName;
  /** Id; empty: the server's first. */
  model: string;
  /** As the task takes them. */
  options: { language?: string; question?: string; labels?: string[]; choices?: string[]; score?: true };
}

/** What was asked, in a line. */
export function inWords({ task, options: { language = 'en', question, labels } }: Asked): string {
  const { verb } = wordsOf(task);
  const tongue = language === 'en' ? '' : ` · ${languageName(language)}`;
  if (labels) return `${verb} · ${labels.join(', ')}`;
  return question === undefined ? `${verb}${tongue}` : `${verb}${tongue} · ${question}`;
}

/** An answer, in a line. */
export function answerInWords({ text, objects, choice }: TaskResult): string {
  if (objects) return objects.length === 0 ? 'nothing found' : countLabels(objects.map(({ label }) => label));
  if (choice) return choice.text ?? choice.answer;
  return text?.trim() || 'no text';
}

function countLabels(labels: string[]): string {
  const counts = new Map<string, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].map(([label, count]) => (count === 1 ? label : `${label} × ${count}`)).join(', ');
}
