/** A mask in COCO's compressed run-length encoding: readable by pycocotools. */
export interface RunLength {
  /** Height, width. */
  size: [number, number];
  /** Runs of zeros and ones in turn, down the columns, in COCO's ASCII form. */
  counts: string;
}

/** Encodes a mask of zeros and non-zeros, row by row, as COCO does. */
export function encodeMask({ data, width, height }: { data: Uint8Array; width: number; height: number }): RunLength {
  return { size: [height, width], counts: compress(runLengths(data, width, height)) };
}

function runLengths(data: Uint8Array, width: number, height: number): number[] {
  const runs: number[] = [];
  let set = false;
  let run = 0;
  for (let x = 0; x < width; x++)
    for (let y = 0; y < height; y++) {
      if ((data[y * width + x] !== 0) !== set) {
        runs.push(run);
        run = 0;
        set = !set;
      }
      run++;
    }
  runs.push(run);
  return runs;
}

// COCO's mask API: from the third run on the difference to the run before the last, in groups of five bits with the lowest
// first, a sixth bit for "more", offset by 48 to printable ASCII.
function compress(runs: number[]): string {
  let text = '';
  for (const [i, run] of runs.entries()) {
    let value = i > 2 ? run - (runs[i - 2] as number) : run;
    let more = true;
    while (more) {
      let bits = value & 0x1f;
      value >>= 5;
      more = bits & 0x10 ? value !== -1 : value !== 0;
      if (more) bits |= 0x20;
      text += String.fromCharCode(bits + 48);
    }
  }
  return text;
}
