import type { Command } from 'commander';
import { type Task, type TaskRunOptions, tasks } from 'node-paligemma';
import { invalid, sampling, videoFrames } from 'node-paligemma/support';
import { type CommonOptions, failWith, modelCommand, numeric, print, withModel } from './common.js';
import { printJson, sayIfCut } from './task-command.js';
import { addOptions, givenOptions } from './task-options.js';

interface Options extends CommonOptions {
  frames?: number;
  start?: number;
  end?: number;
  ffmpeg?: string;
}

const { question, language } = tasks.answer.options;
const ASKED = { question: { ...question, help: 'a question instead of a caption' }, language };

export function videoCommand(): Command {
  const command = modelCommand('video')
    .description('describe a short video, or answer a question about it')
    .argument('<file>', 'a video that ffmpeg can read')
    .option('--frames <n>', 'frames to look at, evenly spaced, at most 16 (default: 8)', numeric)
    .option('--start <seconds>', 'begin of the part to look at', numeric)
    .option('--end <seconds>', 'end of the part to look at', numeric)
    .option('--ffmpeg <program>', 'the ffmpeg to read the video with (default: from the PATH)');
  addOptions(command, ASKED, { required: false });
  return addOptions(command, sampling).action((video: string, parsed: Options) =>
    run(video, parsed, givenOptions(command, ASKED, parsed), givenOptions(command, sampling, parsed)),
  );
}

type Given = Record<string, unknown>;

async function run(video: string, options: Options, asked: Given, chosen: Given): Promise<void> {
  const { frames, start = 0, end = Number.MAX_SAFE_INTEGER, ffmpeg } = options;
  const range: [number, number] | undefined =
    options.start === undefined && options.end === undefined ? undefined : [start, end];
  if (!(start >= 0 && end > start && Number.isFinite(end)))
    throw invalid('--start and --end must be seconds from 0, the end after the start');
  const task = (asked.question === undefined ? tasks.caption : tasks.answer) as unknown as Task;
  const about = { video, ...asked };
  await withModel(options, async (model, load) => {
    try {
      const images = await videoFrames(video, { frames, range, ffmpeg });
      // A caption is about one picture; its prompt does not mind several.
      const prompted = { locations: false, ...task.ask(asked as never), ...chosen } as TaskRunOptions<'generate'>;
      const answered = await model.run('generate', images, prompted);
      if (options.json) await printJson(task, answered, { about, load });
      else print(answered.result);
      sayIfCut(answered);
    } catch (error) {
      failWith(options, about, error);
    }
  });
}
