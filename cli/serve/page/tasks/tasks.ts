export type TaskName = 'caption' | 'answer' | 'read' | 'detect' | 'segment' | 'choose';

export interface TaskWords {
  name: TaskName;
  /** What the button says, and the verb of the button that runs it. */
  verb: string;
  /** With many pictures. */
  all: string;
  help: string;
  language: boolean;
  /** Whether the text comes in pieces. */
  streams: boolean;
}

export const TASKS: TaskWords[] = [
  {
    name: 'caption',
    verb: 'Describe',
    all: 'Describe all',
    help: 'A sentence about the picture.',
    language: true,
    streams: true,
  },
  {
    name: 'answer',
    verb: 'Ask',
    all: 'Ask about all',
    help: 'A question, answered in a few words.',
    language: true,
    streams: true,
  },
  { name: 'read', verb: 'Read', all: 'Read all', help: 'The text in the picture.', language: false, streams: true },
  {
    name: 'detect',
    verb: 'Find',
    all: 'Find in all',
    help: 'Things by name, with a box around each.',
    language: false,
    streams: false,
  },
  {
    name: 'segment',
    verb: 'Outline',
    all: 'Outline in all',
    help: 'Things by name, with their shapes.',
    language: false,
    streams: false,
  },
  {
    name: 'choose',
    verb: 'Choose',
    all: 'Choose for all',
    help: 'One of several answers to a question.',
    language: false,
    streams: false,
  },
];

export const wordsOf = (name: TaskName): TaskWords => TASKS.find((task) => task.name === name) as TaskWords;
