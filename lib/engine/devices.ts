// Which devices there are, and which of them a caller means.

import { type NativeDevice, native } from '../addon/native.js';
import { PaliGemmaError, show } from '../base/errors.js';
import type { Device, LoadOptions } from '../types.js';

export interface DeviceInfo {
  /** What `device` takes: `cpu`, `cuda:0`, `vulkan:0`, `metal:0`. */
  device: Exclude<Device, 'auto'>;
  description: string;
  /** Bytes of its memory. */
  memory: { free: number; total: number };
}

/** The devices that this installation can compute on, the processor last. */
export function listDevices(): DeviceInfo[] {
  return ordered(native().devices()).map((found) => ({
    device: nameOf(found),
    description: found.description,
    memory: { free: found.freeBytes, total: found.totalBytes },
  }));
}

/** Graphics cards in the order in which their backends are known to be fast here, then the processor. */
const PREFERENCE = ['cuda', 'metal', 'vulkan', 'cpu'];

function ordered(present: NativeDevice[]): NativeDevice[] {
  const rank = ({ backend }: NativeDevice) => (PREFERENCE.indexOf(backend) + PREFERENCE.length) % PREFERENCE.length;
  return present
    .filter(({ backend }) => PREFERENCE.includes(backend))
    .sort((a, b) => rank(a) - rank(b) || a.index - b.index);
}

export const isCpu = ({ backend }: NativeDevice): boolean => backend === 'cpu';

/** The name in this library's words. */
export const nameOf = (device: NativeDevice) =>
  (isCpu(device) ? 'cpu' : `${device.backend}:${device.index}`) as Exclude<Device, 'auto'>;

/** Those present that `device` or `devices` name; for `auto` all there are, best first, of which one is to be taken. */
export function wantedDevices(found: NativeDevice[], { device = 'auto', devices }: LoadOptions): NativeDevice[] {
  const present = ordered(found);
  if (devices) return devices.map((name) => find(name, present));
  return device === 'auto' ? present : [find(device, present)];
}

function find(name: Device, present: NativeDevice[]): NativeDevice {
  const [backend, index = '0'] = name.split(':');
  const found = present.find((device) => device.backend === backend && device.index === Number(index));
  if (found) return found;
  throw new PaliGemmaError(
    'ERR_DEVICE_UNAVAILABLE',
    `there is no device ${show(name)} here; present: ${present.map(nameOf).join(', ')}`,
  );
}
