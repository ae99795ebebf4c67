// Pictures of questions: files, or cells of Parquet files, which are read when they are needed.
import { invalid } from 'node-paligemma/support';
import { ParquetFile, type Row } from './parquet.js';

/** A picture within a Parquet file: `FILE.parquet#COLUMN/ROW`. */
export const cell = (file: string, column: string, row: number): string => `${file}#${column}/${row}`;

const CELL = /^(?<file>.*\.parquet)#(?<column>.+)\/(?<row>\d+)$/s;

export const isCell = (image: string): boolean => CELL.test(image);

/** Bytes of row groups that are kept, since questions on one picture lie together, and the next one is beside it. */
const KEPT_BYTES = 256 << 20;

/** As the hub has pictures. Undefined where there is none. */
export function bytesOf(value: unknown): Buffer | undefined {
  const bytes = value instanceof Uint8Array ? value : (value as { bytes?: unknown } | null | undefined)?.bytes;
  return bytes instanceof Uint8Array && bytes.length > 0 ? Buffer.from(bytes) : undefined;
}

interface Kept {
  pictures: Promise<(Buffer | undefined)[]>;
  start: number;
  bytes: number;
}

export class Pictures {
  readonly #files = new Map<string, Promise<ParquetFile>>();
  /** Row groups, the one that was used last at the end. */
  readonly #kept = new Map<string, Kept>();

  /** What a model takes: a path as it is, or the bytes. @throws PaliGemmaError ERR_INVALID_ARGUMENT for a cell that is not there */
  async of(image: string): Promise<string | Buffer> {
    const { file, column, row } = CELL.exec(image)?.groups ?? {};
    if (file === undefined || column === undefined) return image;
    const { pictures, start } = await this.#groupOf(file, column, Number(row));
    const picture = (await pictures)[Number(row) - start];
    if (!picture) throw invalid(`${image} is no picture`);
    return picture;
  }

  async #groupOf(name: string, column: string, row: number): Promise<Kept> {
    const opened = this.#files.get(name) ?? ParquetFile.open(name);
    this.#files.set(name, opened);
    const file = await opened;
    const group = file.groupOf(row);
    const key = cell(name, column, group.start);
    const kept = this.#kept.get(key) ?? this.#begin(key, group.start, file.read(group, [column]), column);
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    return kept;
  }

  #begin(key: string, start: number, rows: Promise<Row[]>, column: string): Kept {
    const kept: Kept = { start, bytes: 0, pictures: rows.then((all) => all.map((row) => bytesOf(row[column]))) };
    kept.pictures.then(
      (pictures) => {
        kept.bytes = pictures.reduce((sum, picture) => sum + (picture?.length ?? 0), 0);
        this.#forget();
      },
      () => this.#kept.delete(key),
    );
    return kept;
  }

  /** Those that were not used for longest, but for the last one. */
  #forget(): void {
    let bytes = [...this.#kept.values()].reduce((sum, kept) => sum + kept.bytes, 0);
    for (const [key, kept] of this.#kept) {
      if (bytes <= KEPT_BYTES || this.#kept.size === 1) return;
      this.#kept.delete(key);
      bytes -= kept.bytes;
    }
  }
}
