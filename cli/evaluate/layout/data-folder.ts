// The folder that --data names, as a benchmark's owner lays it out.
import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import { invalid, parseJson, reasonOf } from 'node-paligemma/support';
import { lines } from '../../batch/lines.js';
import type { Benchmark } from '../benchmark.js';
import { hubAddress } from './hub.js';

/** What a benchmark needs, for people. */
export const needs = ({ sources, hub }: Pick<Benchmark, 'sources' | 'hub'>): string =>
  [
    sources.map(({ files, from }) => `${files} from ${from}`).join('; '),
    ...(hub ? [`the Parquet files of ${hubAddress(hub)} (${Object.keys(hub.files).join(', ')})`] : []),
  ].join('; or ');

type Needing = Pick<Benchmark, 'name' | 'sources' | 'hub'>;

/** Reads files of a benchmark; what is missing is told with where it is to be had. */
export class DataFolder {
  readonly root: string;
  readonly #benchmark: Needing;
  /** Names in folders of pictures. */
  readonly #pictures = new Map<string, ReadonlySet<string>>();

  constructor(root: string, benchmark: Needing) {
    this.root = root;
    this.#benchmark = benchmark;
    if (!fs.existsSync(root)) throw invalid(`--data ${root} is not there. ${this.#whatIsNeeded()}`);
  }

  #whatIsNeeded(): string {
    return `${this.#benchmark.name} needs: ${needs(this.#benchmark)}`;
  }

  missing(name: string): Error {
    return invalid(`${this.root} lacks ${name}. ${this.#whatIsNeeded()}`);
  }

  /** The first of these files that is there. */
  #find(names: string[]): string {
    const found = names.map((name) => path.join(this.root, name)).find((file) => fs.existsSync(file));
    if (found === undefined) throw this.missing(names.join(' or '));
    return found;
  }

  /** @param names where the file may be, as some editions have it elsewhere */
  json<T>(...names: string[]): T {
    const file = this.#find(names);
    try {
      return JSON.parse(fs.readFileSync(file, 'utf8')) as T;
    } catch (error) {
      throw invalid(`${file} cannot be read: ${reasonOf(error)}`);
    }
  }

  /** A JSON value a line. */
  async *lines<T>(...names: string[]): AsyncGenerator<T> {
    const file = this.#find(names);
    let number = 0;
    for await (const { text } of lines(fs.createReadStream(file))) {
      number++;
      if (text.trim() === '') continue;
      try {
        yield parseJson(text) as T;
      } catch (error) {
        throw invalid(`${file}, line ${number}, is no JSON: ${reasonOf(error)}`);
      }
    }
  }

  csv(...names: string[]): Record<string, string>[] {
    const file = this.#find(names);
    try {
      return parse(fs.readFileSync(file), { columns: true, bom: true, trim: true, skip_empty_lines: true });
    } catch (error) {
      throw invalid(`${file} cannot be read: ${reasonOf(error)}`);
    }
  }

  /**
   * A picture's path.
   * @param name in one of the folders, or with a folder of its own within them
   * @param folders where pictures may be; '.' is the folder itself
   */
  picture(name: string, ...folders: string[]): string {
    for (const folder of folders) {
      const file = path.join(this.root, folder, name);
      if (this.#namesIn(path.dirname(file)).has(path.basename(file))) return file;
    }
    throw this.missing(`the picture ${path.join(folders[0] ?? '.', name)}`);
  }

  /** Read once a folder: to ask for each of 40,000 pictures takes long on a share. */
  #namesIn(folder: string): ReadonlySet<string> {
    let names = this.#pictures.get(folder);
    if (!names) {
      names = new Set(fs.existsSync(folder) ? fs.readdirSync(folder) : []);
      this.#pictures.set(folder, names);
    }
    return names;
  }
}
