// The models of a server, by name, and the memory that they have together.
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { FastifyBaseLogger } from 'fastify';
import { modelInfo, PaliGemmaError } from 'node-paligemma';
import { checkLoadOptions, invalid, isHubId } from 'node-paligemma/support';
import { HttpError } from '../errors.js';
import type { ModelOptions, Settings } from '../options.js';
import { ServedModel } from './served-model.js';

const EMBEDDED = 'embedded';
const LOOK_EVERY_MS = 5_000;

/** What clients call a model that was given no name: a hub id as it is, of a path its last part. */
const nameOf = ({ id, model }: ModelOptions): string => id ?? (isHubId(model) ? model : path.basename(model) || model);

export class Models {
  readonly #models = new Map<string, ServedModel>();
  readonly #timer: NodeJS.Timeout;
  #first: ServedModel | undefined;

  /** @throws PaliGemmaError ERR_INVALID_ARGUMENT when two have one name */
  constructor(
    private readonly settings: Settings,
    private readonly log: FastifyBaseLogger,
  ) {
    for (const model of settings.models) this.add(model);
    this.#timer = setInterval(() => void this.#unloadIdle(), LOOK_EVERY_MS).unref();
  }

  get all(): ServedModel[] {
    return [...this.#models.values()];
  }

  /** @throws PaliGemmaError ERR_INVALID_ARGUMENT, ERR_MODEL_NOT_FOUND where that can be told without loading it */
  add(options: ModelOptions): ServedModel {
    const id = nameOf(options);
    const { model: named, load = {} } = options;
    checkLoadOptions(named, load);
    if (!isHubId(named) && named !== EMBEDDED && !existsSync(named))
      throw new PaliGemmaError(
        'ERR_MODEL_NOT_FOUND',
        `no such model: ${named} is neither a path nor a hub id (owner/name)`,
      );
    if (this.#models.has(id)) throw invalid(`two models are called ${id}: name one of them otherwise`);
    const { bodyLimit: maxBytes, queueLimit } = this.settings;
    const model = new ServedModel(id, options, { maxBytes, queueLimit }, this.log, (...wish) =>
      this.#makeRoom(...wish),
    );
    this.#models.set(id, model);
    this.#first ??= model;
    return model;
  }

  has(id: string): boolean {
    return this.#models.has(id);
  }

  /**
   * A model by name; who names none gets the first.
   * @throws HttpError 404
   */
  get(id: string | null | undefined): ServedModel {
    const model = id === undefined || id === null || id === '' ? this.#first : this.#models.get(id);
    if (model) return model;
    const names = [...this.#models.keys()].join(', ');
    throw new HttpError(404, 'ERR_MODEL_NOT_FOUND', `there is no model of this name here, but ${names}`, {
      param: 'model',
    });
  }

  /** Who waits for a model is told the reason; what runs finishes. */
  stop(reason: unknown): void {
    clearInterval(this.#timer);
    for (const model of this.all) model.stop(reason);
  }

  async end(): Promise<void> {
    await Promise.all(this.all.map((model) => model.end()));
  }

  async #unloadIdle(): Promise<void> {
    const { unloadAfter } = this.settings;
    if (unloadAfter === 0) return;
    for (const model of this.all) if (model.idle > unloadAfter * 60_000) await model.unload();
  }

  /** Unloads those that have not been used for the longest time, until there is memory for one more. */
  async #makeRoom(wanted: ServedModel, foundNone: boolean): Promise<boolean> {
    const needed = await bytesOf(wanted);
    let unloaded = 0;
    while ((foundNone && unloaded === 0) || process.availableMemory() < needed) {
      const [longest] = this.all
        .filter((model) => model !== wanted && model.state === 'loaded' && model.idle > 0)
        .sort((a, b) => b.idle - a.idle);
      if (!longest) break;
      await longest.unload();
      unloaded++;
    }
    return unloaded > 0;
  }
}

/** What a model will take, where that can be told before: it is on the disk, converted. */
async function bytesOf({ options }: ServedModel): Promise<number> {
  const info = await modelInfo(options.model, options.load).catch(() => undefined);
  return info ? info.memory.weights + info.memory.cache : 0;
}
