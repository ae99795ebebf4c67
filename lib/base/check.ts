// Checks of single values that callers pass: each returns the value or throws ERR_INVALID_ARGUMENT saying what was expected.
import { setMaxListeners } from 'node:events';
import { PaliGemmaError, show } from './errors.js';

/** The ERR_INVALID_ARGUMENT for what a caller got wrong. */
export const invalid = (message: string) => new PaliGemmaError('ERR_INVALID_ARGUMENT', message);

export function object(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) throw invalid(`${name} must be an object, not ${show(value)}`);
}

/** A whole number from `least` to `most`, both included. @throws PaliGemmaError ERR_INVALID_ARGUMENT */
export function whole(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw invalid(`${name} must be a whole number from ${least} to ${most}, not ${show(value)}`);
}

/** A number from `least` to `most`, both included. @throws PaliGemmaError ERR_INVALID_ARGUMENT */
export function number(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && value >= least && value <= most) return value;
  throw invalid(`${name} must be a number from ${least} to ${most}, not ${show(value)}`);
}

export function oneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  if (allowed.includes(value as T)) return value as T;
  throw invalid(`${name} must be one of ${allowed.join(', ')}, not ${show(value)}`);
}

export function checkSignal(signal: unknown): void {
  if (signal === undefined) return;
  if (!(signal instanceof AbortSignal)) throw invalid(`signal must be an AbortSignal, not ${show(signal)}`);
  // One signal for many requests at a time is what signals are for; Node would warn of a leak at the eleventh.
  setMaxListeners(0, signal);
}

export function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function')
    throw invalid(`${name} must be a function, not ${show(value)}`);
}

export function flag(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw invalid(`${name} must be true or false, not ${show(value)}`);
}

export function texts(name: string, value: unknown): string[] {
  if (Array.isArray(value) && value.every((text) => typeof text === 'string' && text !== '')) return value;
  throw invalid(`${name} must be an array of texts that are not empty, not ${show(value)}`);
}

export function text(name: string, value: unknown): string {
  if (typeof value === 'string' && value.trim() !== '') return value;
  throw invalid(`${name} must be a text that is not empty, not ${show(value)}`);
}
