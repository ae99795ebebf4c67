import type { Engine, EngineRequest } from './engine.js';
import type { IsolatedEngine } from './isolated/isolated-engine.js';

/** Engines of one model, one a device, as one: a request goes to the engine that has the least to do. */
export class Engines {
  readonly #engines: (Engine | IsolatedEngine)[] = [];

  add(engine: Engine | IsolatedEngine): void {
    this.#engines.push(engine);
  }

  submit<R extends EngineRequest>(request: R, signal?: AbortSignal, onText?: (text: string) => void) {
    const idlest = this.#engines.reduce((best, engine) => (engine.pending < best.pending ? engine : best));
    return idlest.submit(request, signal, onText);
  }

  throwIfDisposed(): void {
    for (const engine of this.#engines) engine.throwIfDisposed();
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#engines.map((engine) => engine.dispose()));
  }
}
