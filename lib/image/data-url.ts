// Pictures written into their own address: https://www.rfc-editor.org/rfc/rfc2397, read as fetch reads it.
import { invalidImage } from './decoded.js';

/** Whether an image input is a `data:` URL, as a text or as a URL object. */
export const isDataUrl = (input: unknown): boolean =>
  input instanceof URL ? input.protocol === 'data:' : typeof input === 'string' && /^data:/i.test(input);

/** How to call it in messages, without what it holds. */
export const dataUrlLabel = (url: string): string => `the data: URL of ${url.length} characters`;

/**
 * The bytes of a `data:` URL, percent-encoded or base64. What it says it holds is not looked at: that shows when it is decoded.
 * @throws PaliGemmaError ERR_INVALID_IMAGE
 */
export function readDataUrl(url: string): Uint8Array {
  const comma = url.indexOf(',');
  if (comma < 0) throw invalidImage(`${dataUrlLabel(url)} has no comma in front of its data`);
  const end = url.indexOf('#', comma);
  const body = url.slice(comma + 1, end < 0 ? undefined : end);
  const bytes = percentDecoded(body);
  return /;\s*base64\s*$/i.test(url.slice(0, comma)) ? fromBase64(bytes.toString('latin1'), url) : bytes;
}

const PERCENT = 0x25;

/** A percent sign that no two hexadecimal digits follow stands for itself. */
function percentDecoded(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  if (!bytes.includes(PERCENT)) return bytes;
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const code = bytes[at] === PERCENT ? bytes.toString('latin1', at + 1, at + 3) : '';
    const escaped = /^[0-9a-f]{2}$/i.test(code);
    bytes[length++] = escaped ? Number.parseInt(code, 16) : (bytes[at] as number);
    if (escaped) at += 2;
  }
  return bytes.subarray(0, length);
}

/** Buffer would pass over what is no base64, and give a picture that is broken somewhere. */
function fromBase64(text: string, url: string): Uint8Array {
  const digits = text.replace(/[\t\n\f\r ]+/g, '');
  const bare = digits.length % 4 === 0 ? digits.replace(/={1,2}$/, '') : digits;
  if (bare.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(bare))
    throw invalidImage(`${dataUrlLabel(url)} holds no valid base64`);
  return Buffer.from(bare, 'base64');
}
