import type { Benchmark } from '../benchmark.js';
import { captionsByLanguage } from '../measures/index.js';
import { captionPrompt } from '../prompts.js';

interface Captions {
  caption: string[];
}

type Line = { 'image/key': string } & Record<string, Captions | string>;

/** Those that PaliGemma learned to caption in, by its codes. The set has Quechua too. */
const LANGUAGES =
  'ar bn cs da de el en es fa fi fil fr hi hr hu id it iw ja ko mi nl no pl pt ro ru sv sw te th tr uk vi zh'.split(
    ' ',
  );

/** Hebrew's code was another one once. */
const captionsIn = (line: Line, language: string): string[] => {
  const found = line[language] ?? (language === 'iw' ? line.he : undefined);
  return found === undefined || typeof found === 'string' ? [] : found.caption;
};

export const xm3600: Benchmark = {
  name: 'xm3600',
  title: 'XM3600 (Crossmodal-3600)',
  sources: [
    {
      files: 'captions.jsonl and images/ (images.tgz)',
      from: 'https://google.github.io/crossmodal-3600/',
    },
  ],
  splits: ['all', ...LANGUAGES],
  prompt: 'caption {language}',
  request: { maxTokens: 100, locations: false },
  measure: captionsByLanguage,
  async *questions(data, split) {
    for await (const line of data.lines<Line>('captions.jsonl'))
      for (const language of split === 'all' ? LANGUAGES : [split]) {
        const targets = captionsIn(line, language);
        if (targets.length === 0) continue;
        const key = line['image/key'];
        yield {
          ...{ id: `${language}/${key}`, prompt: captionPrompt(language), category: language, targets },
          image: data.picture(`${key}.jpg`, 'images', '.'),
        };
      }
  },
  published: [],
};
