import { type Deferred, deferred } from 'node-paligemma/support';

/** Lets in so many bytes at a time; more wait for room. What is larger than all of it goes alone. */
export class Room {
  readonly #bytes: number;
  #taken = 0;
  #closed: Error | undefined;
  #freed: Deferred<void> | undefined;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** @throws the reason for which the room was closed */
  async take(bytes: number): Promise<void> {
    while (!this.#closed && this.#taken > 0 && this.#taken + bytes > this.#bytes) {
      this.#freed ??= deferred();
      await this.#freed.promise;
    }
    if (this.#closed) throw this.#closed;
    this.#taken += bytes;
  }

  giveBack(bytes: number): void {
    this.#taken -= bytes;
    this.#tell();
  }

  /** Lets nobody in any more, nor those who wait. */
  close(reason: Error): void {
    this.#closed ??= reason;
    this.#tell();
  }

  #tell(): void {
    this.#freed?.resolve();
    this.#freed = undefined;
  }
}
