import type { Command } from 'commander';
import { QUANTIZATIONS, VISION_QUANTIZATIONS } from 'node-paligemma/support';

/** The options that say which form of a checkpoint or of a model on the hub is meant. */
export const sourceOptions = (command: Command): Command =>
  typeOptions(command)
    .option('--adapter <folder or id>', 'LoRA adapter to merge into the weights')
    .option('--revision <name>', 'branch, tag or commit on the hub (default: main)')
    .option('--cache-dir <folder>', "where models are kept (default: PALIGEMMA_CACHE or the platform's cache folder)");

export const typeOptions = (command: Command): Command =>
  command
    .option('--quantization <type>', `type of the text model: ${QUANTIZATIONS.join(', ')} (default: f16)`)
    .option(
      '--vision-quantization <type>',
      `type of the vision tower: ${VISION_QUANTIZATIONS.join(', ')} (default: as --quantization, q8_0 below eight bits)`,
    );

/** What else a conversion can take. */
export const conversionOptions = (command: Command): Command =>
  command
    .option('--mask-decoder <file>', 'vae-oid.npz, to decode segments to masks with')
    .option('--tokenizer <path>', 'folder or file to take the tokenizer from (default: beside the weights)');
