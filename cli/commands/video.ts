import type { Command } from 'commander';
import type { TaskOptions } from 'node-paligemma';
import { invalid, sampling } from 'node-paligemma/support';
import { type CommonOptions, failWith, modelCommand, numeric, print, withModel } from './common.js';
import { addOptions, givenOptions } from './task-options.js';

interface Options extends CommonOptions {
  frames?: number;
  start?: number;
  end?: number;
  question?: string;
  language?: string;
  ffmpeg?: string;
}

export function videoCommand(): Command {
  const command = modelCommand('video')
    .description('describe a short video, or answer a question about it')
    .argument('<file>', 'a video that ffmpeg can read')
    .option('--frames <n>', 'frames to look at, evenly spaced, at most 16 (default: 8)', numeric)
    .option('--start <seconds>', 'begin of the part to look at', numeric)
    .option('--end <seconds>', 'end of the part to look at', numeric)
    .option('--question <text>', 'a question instead of a caption')
    .option('--language <code>', 'language of the answer (default: en)')
    .option('--ffmpeg <program>', 'the ffmpeg to read the video with (default: from the PATH)');
  return addOptions(command, sampling).action((video: string, parsed: Options) =>
    run(video, parsed, givenOptions(command, sampling, parsed)),
  );
}

async function run(video: string, options: Options, chosen: TaskOptions): Promise<void> {
  const { frames, start = 0, end = Number.MAX_SAFE_INTEGER, question, language, ffmpeg } = options;
  const range: [number, number] | undefined =
    options.start === undefined && options.end === undefined ? undefined : [start, end];
  if (!(start >= 0 && end > start && Number.isFinite(end)))
    throw invalid('--start and --end must be seconds from 0, the end after the start');
  await withModel(options, async (model) => {
    try {
      const text = await model.captionVideo(video, { frames, range, question, language, ffmpeg, ...chosen });
      print(options.json ? JSON.stringify({ video, text }) : text);
    } catch (error) {
      failWith(options, { video }, error);
    }
  });
}
