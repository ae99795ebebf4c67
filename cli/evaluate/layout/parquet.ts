// Parquet files, row group by row group; of these the wanted columns alone are read.
import type { AsyncBuffer, FileMetaData } from 'hyparquet';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { invalid, reasonOf } from 'node-paligemma/support';

export type Row = Record<string, unknown>;

/** Places of the rows that lie together: the first one, and the one after the last one. */
export interface RowGroup {
  start: number;
  end: number;
}

export class ParquetFile {
  readonly name: string;
  readonly groups: readonly RowGroup[];
  readonly #file: AsyncBuffer;
  readonly #metadata: FileMetaData;

  private constructor(name: string, file: AsyncBuffer, metadata: FileMetaData) {
    this.name = name;
    this.#file = file;
    this.#metadata = metadata;
    let start = 0;
    this.groups = metadata.row_groups.map(({ num_rows }) => {
      const group = { start, end: start + Number(num_rows) };
      start = group.end;
      return group;
    });
  }

  /** @throws PaliGemmaError ERR_INVALID_ARGUMENT for a file that is none */
  static async open(name: string): Promise<ParquetFile> {
    try {
      const file = await asyncBufferFromFile(name);
      return new ParquetFile(name, file, await parquetMetadataAsync(file));
    } catch (error) {
      throw invalid(`${name} cannot be read as Parquet: ${reasonOf(error)}`);
    }
  }

  /** Where the row is. @throws PaliGemmaError ERR_INVALID_ARGUMENT */
  groupOf(row: number): RowGroup {
    const found = this.groups.find(({ start, end }) => row >= start && row < end);
    if (!found) throw invalid(`${this.name} has no row ${row}`);
    return found;
  }

  has(column: string): boolean {
    return this.#metadata.schema.some(({ name }) => name === column);
  }

  /** @throws PaliGemmaError ERR_INVALID_ARGUMENT for columns that there are not, or a file that is damaged */
  async read({ start, end }: RowGroup, columns: readonly string[]): Promise<Row[]> {
    const lacking = columns.filter((name) => !this.has(name));
    if (lacking.length > 0) throw invalid(`${this.name} has no column ${lacking.join(', ')}`);
    try {
      const rows = await parquetReadObjects({
        ...{ file: this.#file, metadata: this.#metadata, compressors },
        ...{ columns: [...columns], rowStart: start, rowEnd: end },
        utf8: false, // what is marked as a text still is one; pictures are bytes
      });
      return rows.map(withNumbers);
    } catch (error) {
      throw invalid(`${this.name} cannot be read: ${reasonOf(error)}`);
    }
  }
}

/** Whole numbers of 64 bits are numbers where they are exact. */
const withNumbers = (row: Row): Row =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, numberOf(value)]));

const numberOf = (value: unknown): unknown =>
  typeof value === 'bigint' && BigInt.asIntN(53, value) === value ? Number(value) : value;
