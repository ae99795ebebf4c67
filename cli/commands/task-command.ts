// A command for a task, made from its description.
import type { Command } from 'commander';
import type { Choice, Detection, PaliGemma, Task, TaskName, TaskRun, TaskRunOptions } from 'node-paligemma';
import { tasks } from 'node-paligemma';
import { type CommonOptions, failWith, modelCommand, picturesOf, print, remark, withModel } from './common.js';
import { checkDrawing, drawOver, writeMasks } from './drawing.js';
import { addOptions, givenOptions } from './task-options.js';

interface Options extends CommonOptions {
  draw?: string;
  masks?: string;
}

export function taskCommand(task: Task): Command {
  const { least, most } = task.images;
  const [open, close] = least === 0 ? ['[', ']'] : ['<', '>'];
  const about = most > 1 ? 'all for the one question' : 'one after another';
  const command = modelCommand(task.name)
    .description(task.summary)
    .argument(`${open}image...${close}`, `paths or URLs, ${about}; - is standard input`);
  addOptions(command, task.options);
  if (task.json.field === tasks.detect.json.field)
    command.option(
      '--draw <file>',
      'draw what was found over the image, to a PNG file; of several images, to a folder',
    );
  if (task.name === tasks.segment.name)
    command.option('--masks <folder>', 'write each mask as a PNG file, as large as the image');
  addOptions(command, task.sampling);
  return command.action((images: string[], parsed: Options) => run(task, images, parsed, command));
}

async function run(task: Task, images: string[], parsed: Options, command: Command): Promise<void> {
  const asked = givenOptions(command, task.options, parsed);
  const chosen = givenOptions(command, task.sampling, parsed);
  const together = task.images.most > 1;
  const questions = together ? [images] : images.length === 0 ? [[]] : images.map((image) => [image]);
  if (questions.length === 1) checkDrawingOf(command, parsed.draw);
  await withModel(parsed, async (model, load) => {
    for (const names of questions) {
      const about = { ...(together ? { images: names } : { image: names[0] }), ...asked };
      try {
        const options = { ...asked, ...chosen } as TaskRunOptions<TaskName>;
        await answer({ model, task, names, options, several: questions.length > 1, about, load }, parsed);
      } catch (error) {
        failWith(parsed, about, error); // the others still get their answers; the exit status tells
      }
    }
  });
}

interface Asked {
  model: PaliGemma;
  task: Task;
  names: string[];
  options: TaskRunOptions<TaskName>;
  several: boolean;
  about: Record<string, unknown>;
  load: number;
}

async function answer({ model, task, names, options, several, about, load }: Asked, parsed: Options): Promise<void> {
  const images = await picturesOf(names);
  const [name = '', image = ''] = [names[0], images[0]];
  const taskName = task.name as TaskName;
  let run: TaskRun<TaskName>;
  if (task.streams && !several && !parsed.json) {
    const stream = model.stream(taskName, images, options);
    for await (const text of stream) process.stdout.write(text);
    print('');
    run = await stream.result;
  } else {
    run = await model.run(taskName, images, options);
    const found = run.result as Detection[];
    const files = parsed.masks === undefined ? [] : await writeMasks(parsed.masks, name, run.result as never);
    if (parsed.draw !== undefined) await drawOver(parsed.draw, name, image, found, several);
    if (parsed.json) await printJson(task, run, { about, load, files });
    else printResult(task, run.result, several ? `${name}: ` : '', about);
  }
  sayIfCut(run, name && `${name}: `);
}

export function sayIfCut({ finishReason }: Pick<TaskRun<TaskName>, 'finishReason'>, before = ''): void {
  if (finishReason === 'length') remark(`${before}the answer was cut off at its limit (--max-tokens)`);
}

interface Around {
  about: Record<string, unknown>;
  load: number;
  files?: string[];
}

/** What a task gives, in the shape that `paligemma schema` describes, after what it was asked. */
export async function printJson(
  task: Task,
  run: TaskRun<TaskName>,
  { about, load, files = [] }: Around,
): Promise<void> {
  const { text: _, result, timings, ...rest } = run;
  const value = await task.json.of(result);
  const maskFiles = files.length > 0 ? { maskFiles: files } : {};
  print(JSON.stringify({ ...about, [task.json.field]: value, ...maskFiles, ...rest, timings: { load, ...timings } }));
}

function printResult(task: Task, result: unknown, before: string, about: Record<string, unknown>): void {
  const { field } = task.json;
  if (field === tasks.caption.json.field) print(`${before}${result}`);
  else if (field === tasks.detect.json.field) printObjects(result as Detection[], before);
  else if (field === tasks.choose.json.field) printChoice(result as Choice, before, about.choices as string[]);
  else print(`${before}${JSON.stringify(result)}`);
}

/** A line an object: label, score and box. */
function printObjects(objects: Detection[], before: string): void {
  if (objects.length === 0) remark(`${before}Nothing was found.`);
  for (const { label, score, box } of objects) {
    const [xmin, ymin, xmax, ymax] = [box.xmin, box.ymin, box.xmax, box.ymax].map((value) => value.toFixed(1));
    print(`${before}${label}  ${score.toFixed(3)}  x ${xmin} to ${xmax}, y ${ymin} to ${ymax}`);
  }
}

function printChoice(
  { index, letter, text, answer, probabilities = [] }: Choice,
  before: string,
  choices: string[],
): void {
  if (index === null) remark(`${before}The answer names none of the choices: ${answer}`);
  else print(`${before}${letter}  ${text}`);
  for (const [i, p] of probabilities.entries()) print(`${before}${(p * 100).toFixed(1)} %  ${choices[i]}`);
}

function checkDrawingOf(command: Command, draw: string | undefined): void {
  try {
    checkDrawing(draw);
  } catch (error) {
    command.error(`error: --draw: ${(error as Error).message}`, { exitCode: 2 });
  }
}
