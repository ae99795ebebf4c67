// Where a checkpoint keeps a tensor's values.

/** Size and distance of an axis' values, counted in values. */
export type Axis = [size: number, stride: number];

/** Rows and columns of a tensor in its file, each of one or more axes, the slowest first. */
export interface View {
  rows: Axis[];
  columns: Axis[];
}

/** `shape` slowest dimension first, as the model has it; `offset` of the first value, in bytes. */
export interface StoredTensor {
  path: string;
  offset: number;
  type: 'f32' | 'f16' | 'bf16';
  shape: number[];
  /** Absent: the values follow one another. */
  view?: View;
}

/** scale * left `[rows, rank]` right `[rank, columns]`, to be added to a matrix. */
export interface LowRank {
  left: StoredTensor;
  right: StoredTensor;
  scale: number;
}

export const VALUE_BYTES = { f32: 4, f16: 2, bf16: 2 };

export const product = (numbers: readonly number[]): number => numbers.reduce((result, n) => result * n, 1);

/** The bytes a tensor's values take in its file. */
export const storedBytes = ({ type, shape }: Pick<StoredTensor, 'type' | 'shape'>): number =>
  product(shape) * VALUE_BYTES[type];

/** Every tensor as a matrix: a vector is one row; of more than two dimensions the first are the rows. */
export function viewOf({ shape, view }: StoredTensor): View {
  if (view) return view;
  const rows = shape.length < 2 ? 1 : (shape[0] as number);
  const columns = product(shape.length < 2 ? shape : shape.slice(1));
  return { rows: [[rows, columns]], columns: [[columns, 1]] };
}
