export interface Line {
  text: string;
  /** Bytes up to and with its line break. */
  end: number;
  /** Whether there is a line break. */
  whole: boolean;
}

const BREAK = 0x0a;

/** The lines of a stream of bytes, UTF-8; the last one may lack its break. */
export async function* lines(stream: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let pieces: Buffer[] = []; // of a line that is not at its end yet
  let position = 0;
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(BREAK); end >= 0; end = chunk.indexOf(BREAK, start)) {
      const bytes = Buffer.concat([...pieces, chunk.subarray(start, end)]);
      pieces = [];
      start = end + 1;
      position += bytes.length + 1;
      yield { text: bytes.toString(), end: position, whole: true };
    }
    if (start < chunk.length) pieces.push(chunk.subarray(start));
  }
  const rest = Buffer.concat(pieces);
  if (rest.length > 0) yield { text: rest.toString(), end: position + rest.length, whole: false };
}
