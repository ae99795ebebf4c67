// What a server can be told. The command line and those who mount the plugin say the same.
import type { LoadOptions } from 'node-paligemma';

/** A model that is served. */
export interface ModelOptions {
  /** What clients call it. Default: the hub id, or the last part of the path. */
  id?: string;
  /** As `PaliGemma.load` takes it: folder, checkpoint, hub id or `embedded`. */
  model: string;
  /** As `PaliGemma.load` takes them. The engine is isolated unless they say otherwise. */
  load?: LoadOptions;
}

export interface ServerOptions {
  /** The first one answers who names none. Default: the embedded model. */
  models?: ModelOptions[];
  /** Load all models now, instead of each at its first request. Default false. */
  preload?: boolean;
  /** Minutes without a request after which a model is unloaded; 0: never. Default 15. */
  unloadAfter?: number;
  /** Keys, of which each request has to bring one as a bearer token. Default: none is needed. */
  apiKeys?: string[];
  /** Names that requests may call this machine, beside its addresses, `localhost` and {@link host}. */
  allowedHosts?: string[];
  /** The address that the server listens at. Default `127.0.0.1`. */
  host?: string;
  /** Origins whose pages may ask, `*` for all. Default: the server's own page alone. */
  corsOrigins?: string[];
  /** Fetch pictures by http(s) URL, from public addresses only. Default false. */
  allowRemoteImages?: boolean;
  /** Plain questions become `answer en ...`: yes, no, or where the model was trained on many tasks. Default `auto`. */
  friendlyPrompts?: boolean | 'auto';
  /** Drop system messages and earlier turns, and say so in a header, instead of refusing them. Default false. */
  lenient?: boolean;
  /** What `/hf/object-detection` and `/hf/image-segmentation` look for when nothing is named. */
  labels?: string[];
  /** Most bytes of a request. Default 32 MiB. */
  bodyLimit?: number;
  /** Bytes of all requests under way together. Default 256 MiB. */
  bodyBudget?: number;
  /** Requests that may wait for a model, each beyond those that it computes. Default 256. */
  queueLimit?: number;
  /** Seconds that a request may take. Default 600. */
  timeout?: number;
  /** Seconds that a client may take to read what is sent. Default 30. */
  slowClient?: number;
  /** Requests a minute from one key, or address where there are no keys. Default: any number. */
  rateLimit?: number;
  /** Whether `GET /metrics` counts for Prometheus. Default false. */
  metrics?: boolean;
  /** The page at `/`. Default true. */
  page?: boolean;
}

export type Settings = Required<Omit<ServerOptions, 'labels' | 'rateLimit'>> &
  Pick<ServerOptions, 'labels' | 'rateLimit'>;

export const settingsOf = (options: ServerOptions): Settings => ({
  models: [{ model: 'embedded' }],
  preload: false,
  unloadAfter: 15,
  apiKeys: [],
  allowedHosts: [],
  host: '127.0.0.1',
  corsOrigins: [],
  allowRemoteImages: false,
  friendlyPrompts: 'auto',
  lenient: false,
  bodyLimit: 32 << 20,
  bodyBudget: 256 << 20,
  queueLimit: 256,
  timeout: 600,
  slowClient: 30,
  metrics: false,
  page: true,
  ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
});
