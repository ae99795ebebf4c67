import { type Command, Option } from 'commander';
import { QUANTIZATIONS, VISION_QUANTIZATIONS } from 'node-paligemma/support';

/** What else a conversion can take. */
export const conversionOptions = (command: Command): Command =>
  command
    .option('--mask-decoder <file>', 'vae-oid.npz, to decode segments to masks with')
    .option('--tokenizer <path>', 'folder or file to take the tokenizer from (default: beside the weights)');

/** The options that say which form of a checkpoint or of a model on the hub is meant. */
export const sourceOptions = (command: Command): Command =>
  conversionOptions(typeOptions(command, ['auto']))
    .option('--adapter <folder or id>', 'LoRA adapter to merge into the weights')
    .option('--revision <name>', 'branch, tag or commit on the hub (default: main)')
    .option('--cache-dir <folder>', "where models are kept (default: PALIGEMMA_CACHE or the platform's cache folder)");

/** Of commands that fetch what is not there. */
export const fetchingOptions = (command: Command): Command =>
  sourceOptions(command).option(
    '--local-files-only',
    'fetch nothing: what is in no cache is an error (default: as HF_HUB_OFFLINE says)',
  );

/** @param others than the types themselves */
export const typeOptions = (command: Command, others: string[] = []): Command =>
  command
    .addOption(
      new Option(
        '--quantization <type>',
        `type of the text model (default: f16${others.includes('auto') ? '; auto: the best that fits the memory' : ''})`,
      ).choices([...others, ...QUANTIZATIONS]),
    )
    .addOption(
      new Option(
        '--vision-quantization <type>',
        'type of the vision tower (default: as --quantization, q8_0 below eight bits)',
      ).choices(VISION_QUANTIZATIONS),
    );
