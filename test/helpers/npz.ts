// NumPy's .npz: a ZIP, without compression, of .npy files. Written small and plain, as np.savez does.
import fs from 'node:fs';
import { crc32 } from 'node:zlib';

export interface Array_ {
  dtype: string;
  shape: number[];
  data: Buffer;
}

function npy({ dtype, shape, data }: Array_): Buffer {
  const text = `{'descr': '${dtype}', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  const header = Buffer.from(`${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), length, header, data]);
}

export function writeNpz(file: string, arrays: Map<string, Array_>): void {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, array] of arrays) {
    const content = npy(array);
    const title = Buffer.from(`${name}.npy`);
    const shared = Buffer.alloc(26); // what the local and the central header share, from "version needed" on
    shared.writeUInt16LE(20, 0);
    shared.writeUInt32LE(crc32(content), 10);
    shared.writeUInt32LE(content.length, 14);
    shared.writeUInt32LE(content.length, 18);
    shared.writeUInt16LE(title.length, 22);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    parts.push(Buffer.from('PK\x03\x04'), shared, title, content);
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), shared, place, title);
    offset += 30 + title.length + content.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(arrays.size, 4);
  end.writeUInt16LE(arrays.size, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(offset, 12);
  fs.writeFileSync(file, Buffer.concat([...parts, central, Buffer.from('PK\x05\x06'), end]));
}

/** All arrays of an .npz without compression and with sizes in its local headers' ZIP64 fields or its directory. */
export function readNpzBytes(file: string): Map<string, Array_> {
  const bytes = fs.readFileSync(file);
  const end = bytes.lastIndexOf(Buffer.from('PK\x05\x06'));
  const arrays = new Map<string, Array_>();
  let at = bytes.readUInt32LE(end + 16);
  for (let i = bytes.readUInt16LE(end + 10); i > 0; i--) {
    const size = bytes.readUInt32LE(at + 24);
    const [title, extra, comment] = [28, 30, 32].map((place) => bytes.readUInt16LE(at + place)) as [
      number,
      number,
      number,
    ];
    const name = bytes.toString('utf8', at + 46, at + 46 + title).replace(/\.npy$/, '');
    const local = bytes.readUInt32LE(at + 42);
    const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const header = start + 10 + bytes.readUInt16LE(start + 8);
    const text = bytes.toString('latin1', start + 10, header);
    const [, dtype, shape] = /'descr': '([^']+)'.*'shape': \(([^)]*)\)/.exec(text) as unknown as [
      string,
      string,
      string,
    ];
    arrays.set(name, {
      dtype,
      shape: (shape.match(/\d+/g) ?? []).map(Number),
      data: Buffer.from(bytes.subarray(header, start + size)),
    });
    at += 46 + title + extra + comment;
  }
  return arrays;
}
