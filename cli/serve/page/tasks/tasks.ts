export type TaskName = 'caption' | 'answer' | 'read' | 'detect' | 'segment' | 'choose';

export interface TaskWords {
  name: TaskName;
  /** What the button says, and the verb of the button that runs it. */
  verb: string;
  help: string;
  language: boolean;
  /** Whether the text comes in pieces. */
  streams: boolean;
}

export const TASKS: TaskWords[] = [
  { name: 'caption', verb: 'Describe', help: 'A sentence about the picture.', language: true, streams: true },
  { name: 'answer', verb: 'Ask', help: 'A question, answered in a few words.', language: true, streams: true },
  { name: 'read', verb: 'Read', help: 'The text in the picture.', language: false, streams: true },
  { name: 'detect', verb: 'Find', help: 'Things by name, with a box around each.', language: false, streams: false },
  { name: 'segment', verb: 'Outline', help: 'Things by name, with their shapes.', language: false, streams: false },
  { name: 'choose', verb: 'Choose', help: 'One of several answers to a question.', language: false, streams: false },
];

export const wordsOf = (name: TaskName): TaskWords => TASKS.find((task) => task.name === name) as TaskWords;
