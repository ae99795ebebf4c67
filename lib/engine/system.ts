import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type BackendPackage, backendPackages } from '../addon/backends.js';
import { native } from '../addon/native.js';
import { packageVersion } from '../base/package-root.js';
import { type DeviceInfo, listDevices } from './devices.js';
import { computeThreads } from './processors.js';

/** What this installation computes with. */
export interface SystemInfo {
  /** Of this package. */
  version: string;
  /** Such as `linux-x64`. */
  platform: string;
  processor: string;
  /** Instruction sets that the processor's code uses, as ggml names them. */
  instructionSets: string;
  /** Threads that a model computes with where `threads` is not given. */
  threads: number;
  /** Bytes of this machine's memory. `available` is within the limits of a container. */
  memory: { available: number; total: number };
  /** Best first: `device: 'auto'` takes the first one that a model fits into. */
  devices: DeviceInfo[];
  /** Kinds of devices that are not there, and why. */
  absent: { device: string; reason: string }[];
}

/**
 * Describes the machine as this library sees it, for a bug report.
 * @throws PaliGemmaError ERR_ADDON_NOT_FOUND
 */
export function systemInfo(): SystemInfo {
  const instructionSets = native().cpuFeatures();
  const devices = listDevices();
  const present = (kind: string) => devices.some(({ device }) => device.startsWith(kind));
  const absent = backendPackages()
    .filter(({ backend }) => !present(backend))
    .map((found) => ({ device: found.backend, reason: whyAbsent(found) }));
  return {
    version: packageVersion(),
    platform: `${process.platform}-${process.arch}`,
    processor: os.cpus()[0]?.model.trim() ?? 'unknown',
    instructionSets,
    threads: computeThreads(),
    memory: { available: process.availableMemory(), total: os.totalmem() },
    devices,
    absent,
  };
}

function whyAbsent({ backend, name, folder }: BackendPackage): string {
  if (folder === undefined) return `${name} is not installed`;
  const library = fs.readdirSync(folder).find((file) => file.includes(`ggml-${backend}`));
  const why = library === undefined ? 'it has no library' : native().whyNotLoaded(backend, path.join(folder, library));
  return `${name} is installed and ${why ? `does not load: ${why}` : 'finds no card that it can use'}`;
}
