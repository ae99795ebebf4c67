// What is converted already is what it is: options that ask for something else must not be passed over in silence.
import { PaliGemmaError } from '../base/errors.js';
import type { LoadOptions } from '../types.js';
import type { ModelFolder } from './model-folder.js';

const refusal = (folder: string, about: string, instead: string, option: string) =>
  new PaliGemmaError(
    'ERR_INVALID_ARGUMENT',
    `${folder} is converted already${about}: convert the checkpoint it was made from ${instead}, or leave out ${option}`,
  );

/** @throws PaliGemmaError ERR_INVALID_ARGUMENT for types that this model does not have */
export function refuseOtherTypes({ folder, textType, visionType }: ModelFolder, options: LoadOptions): void {
  const { quantization = textType, visionQuantization = visionType } = options;
  const asked = quantization === 'auto' ? textType : quantization;
  if (asked === textType && visionQuantization === visionType) return;
  const [option, type] = asked === textType ? ['visionQuantization', visionQuantization] : ['quantization', asked];
  throw refusal(folder, `, text ${textType}, vision ${visionType}`, `to ${type}`, option as string);
}

/** @throws PaliGemmaError ERR_INVALID_ARGUMENT for what a conversion would take in, of a model that none is made for */
export function refuseAdditions(folder: string, options: Pick<LoadOptions, (typeof ADDITIONS)[number]>): void {
  const option = ADDITIONS.find((name) => options[name] !== undefined);
  if (option !== undefined) throw refusal(folder, '', `with ${option}`, option);
}

const ADDITIONS = ['adapter', 'maskDecoder', 'tokenizer'] as const;
