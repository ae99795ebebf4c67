import type { Engine, EngineRequest } from './engine.js';
import { IsolatedEngine } from './isolated/isolated-engine.js';

/** Engines of one model, one a device, as one: a request goes to the engine that has the least to do, of those that live. */
export class Engines {
  readonly #engines: (Engine | IsolatedEngine)[] = [];

  add(engine: Engine | IsolatedEngine): void {
    this.#engines.push(engine);
  }

  submit<R extends EngineRequest>(request: R, signal?: AbortSignal, onText?: (text: string) => void) {
    const living = this.#engines.filter((engine) => !(engine instanceof IsolatedEngine && engine.givenUp));
    const idlest = (living.length > 0 ? living : this.#engines).reduce((best, engine) =>
      engine.pending < best.pending ? engine : best,
    );
    return idlest.submit(request, signal, onText);
  }

  throwIfDisposed(): void {
    for (const engine of this.#engines) engine.throwIfDisposed();
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#engines.map((engine) => engine.dispose()));
  }
}
