import fs from 'node:fs';
import path from 'node:path';
import { Random } from './random.mjs';

/** What a case of a target is: `files` to lay down, `what` was done to them, and what else the target wants to know. */
export const caseOf = (target, context, name, seed, number) =>
  number < 0 ? target.whole(context)[-1 - number] : target.damage(new Random(name, seed, number), context);

/** Writes files by their paths: bytes, bytes in pieces, or null for a folder in place of a file. */
export function lay(folder, files) {
  fs.mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    if (content === null) {
      fs.mkdirSync(file, { recursive: true });
      continue;
    }
    fs.mkdirSync(path.dirname(file), { recursive: true });
    const handle = fs.openSync(file, 'wx');
    for (const piece of Array.isArray(content) ? content : [content])
      for (let done = 0; done < piece.length; ) done += fs.writeSync(handle, piece, done);
    fs.closeSync(handle);
  }
}
