// What tests expect of a model that is loaded without naming a device: it sits on a graphics card where there is one.
import { listDevices } from '../../lib/index.js';

/** Whether it does, as under `npm run test:vulkan`. */
export const onCard = listDevices()[0]?.device !== 'cpu';

/** A bound, or a number of rounds: of the processor, and of a card, which multiplies in float16 where the processor does not. */
export const by = (processor: number, card: number): number => (onCard ? card : processor);
