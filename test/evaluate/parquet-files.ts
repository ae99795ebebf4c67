// Parquet files as the hub has them: lists, and pictures that are a struct of bytes and a path.
import fs from 'node:fs';
import path from 'node:path';
import { parquetWriteBuffer, type SchemaElement } from 'hyparquet-writer';

export type Kind = 'text' | 'number' | 'texts' | 'answers' | 'types' | 'picture';

const text = (name: string): SchemaElement => ({
  ...{ name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
});
const group = (name: string, children: number): SchemaElement => ({
  ...{ name, repetition_type: 'OPTIONAL', num_children: children },
});
const list = (name: string): SchemaElement[] => [
  { ...group(name, 1), converted_type: 'LIST' },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
];

const SCHEMAS: Record<Kind, (name: string) => SchemaElement[]> = {
  text: (name) => [text(name)],
  number: (name) => [{ name, type: 'INT64', repetition_type: 'OPTIONAL' }],
  texts: (name) => [...list(name), text('element')],
  answers: (name) => [...list(name), group('element', 1), text('answer')],
  types: (name) => [group(name, 1), text('structural')],
  picture: (name) => [
    group(name, 2),
    { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' }, // marked as nothing
    text('path'),
  ],
};

/** @param columns values of each, one a row */
export function writeParquet(
  file: string,
  columns: Record<string, { kind: Kind; data: unknown[] }>,
  rowGroupSize = 5,
): void {
  const named = Object.entries(columns);
  const buffer = parquetWriteBuffer({
    schema: [{ name: 'root', num_children: named.length }, ...named.flatMap(([name, { kind }]) => SCHEMAS[kind](name))],
    columnData: named.map(([name, { kind, data }]) => ({
      name,
      data: kind === 'number' ? data.map((one) => BigInt(one as number)) : data,
      // As hardly anything is gained on pictures, and to try takes long.
      ...(kind === 'picture' && { codec: 'UNCOMPRESSED', encoding: 'PLAIN', statistics: false }),
    })),
    rowGroupSize,
  });
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, Buffer.from(buffer));
}
