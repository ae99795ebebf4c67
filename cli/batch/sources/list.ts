import path from 'node:path';
import type { BatchItem } from 'node-paligemma';
import { invalid, isDataUrl, parseJson, readDataUrl, reasonOf, type Unusable } from 'node-paligemma/support';
import { lines } from '../lines.js';

/**
 * A path, a URL or a JSON object (`image`, and what else an item may have) a line; empty lines count for nothing. Paths are
 * relative to the list. A line is read when it is needed, so that a list may grow while its beginning is worked on.
 */
export async function* readList(
  stream: AsyncIterable<Buffer>,
  label: string,
  folder: string,
): AsyncGenerator<BatchItem | Unusable> {
  let number = 0;
  try {
    for await (const line of lines(textOf(stream))) {
      number++;
      const text = (number === 1 ? line.text.replace(/^\ufeff/, '') : line.text).trim();
      if (text === '') continue;
      const item = itemOf(text, folder);
      yield typeof item === 'string'
        ? { id: `${label}:${number}`, error: invalid(`${label}, line ${number}: ${item}`) }
        : item;
    }
  } catch (error) {
    throw invalid(`${label} cannot be read on after line ${number}: ${reasonOf(error)}`);
  }
}

export const mayBeText = (beginning: Buffer): boolean => !beginning.includes(0);

/** A picture that is piped in by mistake is not read line by line. */
async function* textOf(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let begun = false;
  for await (const bytes of stream) {
    if (!begun && !mayBeText(bytes)) throw new Error('it is no text in UTF-8');
    begun = true;
    yield bytes;
  }
}

/** The item, or what is wrong with it, a broken data: URL too. */
function itemOf(text: string, folder: string): BatchItem | string {
  try {
    return parseLine(text, folder);
  } catch (error) {
    return reasonOf(error);
  }
}

function parseLine(text: string, folder: string): BatchItem | string {
  const located = (image: string) => (/^[a-z][a-z+.-]*:\/\//i.test(image) ? image : path.resolve(folder, image));
  if (isDataUrl(text)) return { image: readDataUrl(text) };
  if (!text.startsWith('{')) return { id: text, image: located(text) };
  let item: BatchItem;
  try {
    item = parseJson(text) as BatchItem;
  } catch (error) {
    return `it is no JSON (${reasonOf(error)})`;
  }
  const {
    image,
    id = isDataUrl(image) ? undefined : image,
    ...fields
  } = item as Omit<BatchItem, 'id'> & { id?: unknown };
  if (typeof image !== 'string' || image === '') return 'it needs "image", a path or URL';
  if (isDataUrl(image)) return { ...fields, image: readDataUrl(image), ...(id !== undefined && { id: String(id) }) };
  if (typeof id !== 'string' && typeof id !== 'number') return '"id" must be a text or a number';
  return { ...fields, image: located(image), id: String(id) };
}
