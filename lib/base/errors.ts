/** All codes that a {@link PaliGemmaError} can have. */
export const ERROR_CODES = [
  'ERR_MODEL_NOT_FOUND',
  'ERR_INVALID_MODEL',
  'ERR_UNSUPPORTED_MODEL',
  'ERR_GATED_MODEL',
  'ERR_INVALID_IMAGE',
  'ERR_INVALID_ARGUMENT',
  'ERR_PROMPT_TOO_LONG',
  'ERR_OUT_OF_MEMORY',
  'ERR_DEVICE_UNAVAILABLE',
  'ERR_ADDON_NOT_FOUND',
  'ERR_VERSION_MISMATCH',
  'ERR_DOWNLOAD_FAILED',
  'ERR_DISK_FULL',
  'ERR_IN_USE',
  'ERR_CONVERSION_FAILED',
  'ERR_INFERENCE_FAILED',
  'ERR_ENGINE_DIED',
  'ERR_TOO_MANY_ERRORS',
  'ERR_QUEUE_UNAVAILABLE',
  'ERR_WORKER_LOST',
  'ERR_INVALID_OUTCOME',
  'ERR_DISPOSED',
] as const;

/** What went wrong, as a stable name to branch on. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** The one error class of this library: `code` says what, `message` says what was expected, what came and what to do. */
export class PaliGemmaError extends Error {
  override readonly name = 'PaliGemmaError';
  /** With ERR_ENGINE_DIED: what the engine's process died of, where a signal ended it. */
  declare readonly signal?: NodeJS.Signals;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { cause?: unknown; signal?: NodeJS.Signals | undefined },
  ) {
    super(message, options);
    if (options?.signal) this.signal = options.signal;
  }
}

/** The text of anything that was thrown, also by another realm, whose errors are no `instanceof Error`. */
export const reasonOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);

const BRIEF = 200;

/** A path or URL in an error message: as it is, or its beginning where it is long. */
export const brief = (name: string): string =>
  name.length > BRIEF ? `${JSON.stringify(name.slice(0, 57))}... (${name.length} characters)` : name;

/** How a value looks in an error message. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean')
    return String(value);
  if (typeof value === 'function') return 'a function';
  return Array.isArray(value) ? `an array of ${value.length}` : (value.constructor?.name ?? 'an object');
}
