// The access token for the hub, found where Hugging Face's own tools leave it.
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { invalid } from '../base/check.js';

/**
 * The token to present: the option, else `HF_TOKEN`, `HUGGING_FACE_HUB_TOKEN`, the file `HF_TOKEN_PATH`, `$HF_HOME/token`,
 * `$XDG_CACHE_HOME/huggingface/token` or `~/.cache/huggingface/token`, as Python's huggingface_hub has it. With
 * `HF_HUB_DISABLE_IMPLICIT_TOKEN` only the option. `openRepo` and `downloadFiles` call it themselves.
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT when it has characters that no token has.
 */
export const hubToken = async (option?: string): Promise<string | undefined> => (await findToken(option))?.text;

export interface Token {
  text: string;
  /** Where it is from, for messages. */
  source: string;
}

export async function findToken(option?: string): Promise<Token | undefined> {
  const { HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_HUB_DISABLE_IMPLICIT_TOKEN } = process.env;
  const given = toToken(option, 'the token option');
  if (given || /^(1|on|yes|true)$/i.test(HF_HUB_DISABLE_IMPLICIT_TOKEN ?? '')) return given;
  const set = toToken(HF_TOKEN, 'HF_TOKEN') ?? toToken(HUGGING_FACE_HUB_TOKEN, 'HUGGING_FACE_HUB_TOKEN');
  if (set) return set;
  const file = tokenFile();
  return file === undefined ? undefined : toToken(await readFile(file, 'utf8').catch(() => undefined), file);
}

function toToken(value: string | undefined, source: string): Token | undefined {
  const text = value?.trim();
  if (!text) return undefined;
  // fetch would quote the whole header in its error.
  if (!/^[\x21-\x7e]+$/.test(text)) throw invalid(`the token from ${source} has characters that no token has`);
  return { text, source };
}

function tokenFile(): string | undefined {
  const { HF_TOKEN_PATH } = process.env;
  if (HF_TOKEN_PATH) return atHome(HF_TOKEN_PATH);
  const home = huggingFaceHome();
  return home && path.join(home, 'token');
}

/** Where Hugging Face's tools keep what is theirs; undefined for a user without a home folder, as in some containers. */
export function huggingFaceHome(): string | undefined {
  const { HF_HOME, XDG_CACHE_HOME } = process.env;
  return atHome(HF_HOME || path.join(XDG_CACHE_HOME || '~/.cache', 'huggingface'));
}

function atHome(file: string): string | undefined {
  try {
    return file.replace(/^~(?=$|[/\\])/, () => os.homedir());
  } catch {
    return undefined;
  }
}
