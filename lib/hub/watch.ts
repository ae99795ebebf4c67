/**
 * Ends what is waited for when the caller's signal fires, or when nothing comes for a while. It settles the waiting itself:
 * fetch holds the signal it was given weakly, and one collected as garbage neither stops the request nor ends the wait.
 */
export class Watch {
  private readonly stopped = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private fail: ((reason: unknown) => void) | undefined;

  /** @param stallMs milliseconds without `alive` after which the wait fails */
  constructor(
    private readonly caller: AbortSignal | undefined,
    stallMs: number,
  ) {
    this.timer = setTimeout(() => this.stop(new Error(`nothing came for ${stallMs} ms`)), stallMs);
    if (caller?.aborted) this.onAbort();
    else caller?.addEventListener('abort', this.onAbort);
  }

  /** For the request itself, which then closes its connection. */
  get signal(): AbortSignal {
    return this.stopped.signal;
  }

  /** What `work` gives, unless the watch ends first: then its reason is thrown. One at a time. */
  over<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.fail = reject;
      if (this.signal.aborted) reject(this.signal.reason);
      work.then(resolve, reject);
    });
  }

  /** Something came. */
  alive(): void {
    this.timer.refresh();
  }

  /** Nothing more is waited for; closes the connection where the body is not read to its end. */
  end(): void {
    this.stop(undefined);
  }

  private readonly onAbort = () => this.stop(this.caller?.reason);

  private stop(reason: unknown): void {
    clearTimeout(this.timer);
    this.caller?.removeEventListener('abort', this.onAbort);
    this.stopped.abort(reason);
    this.fail?.(reason);
  }
}
