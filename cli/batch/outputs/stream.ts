import type { Writable } from 'node:stream';
import type { BatchResult } from 'node-paligemma';
import { asJson, type BatchOutput } from './output.js';

/** JSON lines to who reads them, at the speed at which they do. */
export class StreamOutput implements BatchOutput {
  readonly #stream: Writable;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  has(): boolean {
    return false;
  }

  write(result: BatchResult): Promise<void> {
    return new Promise((resolve, reject) =>
      this.#stream.write(`${asJson(result, result.id)}\n`, (error) => (error ? reject(error) : resolve())),
    );
  }

  async close(): Promise<void> {}
}
