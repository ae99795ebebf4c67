import { readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { PaliGemmaError, reasonOf, show } from '../base/errors.js';
import { readOptionalJson } from './json-file.js';

/** Token types of SentencePiece, which GGUF's `tokenizer.ggml.token_type` shares. */
export const TokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

export interface Token {
  text: string;
  score: number;
  type: number;
}

const invalid = (message: string, cause?: unknown) => new PaliGemmaError('ERR_INVALID_MODEL', message, { cause });

/**
 * The vocabulary of a checkpoint, by id, without gaps: `tokenizer.model` (SentencePiece) where it is present, else
 * `tokenizer.json`, and in both cases the tokens added in `added_tokens.json`, `tokenizer_config.json`,
 * `special_tokens_map.json` and `tokenizer.json`. Filled up with unused tokens to `rows`, the height of the embedding table.
 * @param source a folder, or one of the first two files alone
 * @param withImage add `<image>` behind all other tokens where the tokenizer does not know it, as big_vision's does not
 * @throws PaliGemmaError ERR_MODEL_NOT_FOUND without a tokenizer, ERR_INVALID_MODEL when one cannot be read.
 */
export async function readTokenizer(source: string, rows: number, withImage = false): Promise<Token[]> {
  const files = tokenizerFiles(source);
  const json = files.json === undefined ? undefined : await readOptionalJson(files.json);
  let tokens: (Token | undefined)[];
  if (files.pieces !== undefined) tokens = readSentencePiece(await readFile(files.pieces));
  else if (json) tokens = readTokenizerJson(json);
  else
    throw new PaliGemmaError(
      'ERR_MODEL_NOT_FOUND',
      `no tokenizer in ${source}: tokenizer.model or tokenizer.json is needed; the option "tokenizer" says where it is`,
    );

  for (const added of await addedTokens(files.folder, json)) addToken(tokens, added);
  if (withImage && tokens.length < rows && !tokens.some((token) => token?.text === IMAGE))
    tokens.push({ text: IMAGE, score: 0, type: TokenType.control });
  if (tokens.length > rows)
    throw invalid(
      `the tokenizer has ${tokens.length} tokens, the embedding table only ${rows} rows: they belong to different models`,
    );
  return Array.from({ length: rows }, (_, id) =>
    forGguf(tokens[id] ?? { text: `[PAD${id}]`, score: -1e4, type: TokenType.unused }),
  );
}

/** The token that stands for an image feature. */
export const IMAGE = '<image>';

function tokenizerFiles(source: string): { folder?: string; pieces?: string; json?: string } {
  const found = statSync(source, { throwIfNoEntry: false });
  if (!found) throw new PaliGemmaError('ERR_MODEL_NOT_FOUND', `no such tokenizer: ${source}`);
  if (!found.isDirectory()) return source.endsWith('.json') ? { json: source } : { pieces: source };
  const models = readdirSync(source).filter((name) => name.endsWith('.model'));
  const pieces = models.find((name) => name === 'tokenizer.model') ?? (models.length === 1 ? models[0] : undefined);
  return {
    folder: source,
    json: path.join(source, 'tokenizer.json'),
    ...(pieces === undefined ? {} : { pieces: path.join(source, pieces) }),
  };
}

// User-defined tokens are matched in raw text, before llama.cpp turns spaces into U+2581.
const forGguf = (token: Token): Token =>
  token.type === TokenType.userDefined ? { ...token, text: token.text.replaceAll('\u2581', ' ') } : token;

/** ModelProto.pieces of sentencepiece_model.proto: field 1, repeated { piece = 1, score = 2, type = 3 }. */
export function readSentencePiece(data: Uint8Array): Token[] {
  const tokens: Token[] = [];
  try {
    const reader = new BinaryReader(data);
    while (reader.pos < reader.len) {
      const [field, wire] = reader.tag();
      if (field === 1 && wire === WireType.LengthDelimited) tokens.push(readPiece(reader.bytes()));
      else reader.skip(wire, field);
    }
  } catch (error) {
    throw invalid(`tokenizer.model is not a SentencePiece model: ${reasonOf(error)}`, error);
  }
  if (tokens.length === 0) throw invalid('tokenizer.model has no pieces');
  return tokens;
}

function readPiece(data: Uint8Array): Token {
  const token: Token = { text: '', score: 0, type: TokenType.normal };
  const reader = new BinaryReader(data);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === 1) token.text = reader.string();
    else if (field === 2) token.score = reader.float();
    else if (field === 3) token.type = reader.int32();
    else reader.skip(wire, field);
  }
  return token;
}

/**
 * The BPE model of tokenizer.json as pieces with scores. Its merges are those of SentencePiece in order of score, so the
 * rank of the first merge that makes a piece orders pieces as their scores did.
 */
function readTokenizerJson(json: Record<string, unknown>): (Token | undefined)[] {
  const model = json.model as { type?: unknown; vocab?: unknown; merges?: unknown; unk_token?: unknown } | undefined;
  if (model?.type !== 'BPE' || typeof model.vocab !== 'object' || model.vocab === null || !Array.isArray(model.merges))
    throw new PaliGemmaError(
      'ERR_UNSUPPORTED_MODEL',
      'tokenizer.json does not hold the BPE model of a Gemma tokenizer',
    );
  const rank = new Map<string, number>();
  for (const merge of model.merges) {
    const piece = typeof merge === 'string' ? merge.replace(' ', '') : isTexts(merge) ? merge.join('') : undefined;
    if (piece === undefined) throw invalid(`tokenizer.json: ${show(merge)} is no merge of two pieces`);
    if (!rank.has(piece)) rank.set(piece, rank.size);
  }
  const tokens: (Token | undefined)[] = [];
  for (const [text, id] of Object.entries(model.vocab)) {
    if (!isTokenId(id)) throw invalid(`tokenizer.json: token ${text} has no valid id`);
    const type = /^<0x[0-9A-F]{2}>$/.test(text)
      ? TokenType.byte
      : text === model.unk_token
        ? TokenType.unknown
        : TokenType.normal;
    tokens[id] = { text, score: -(rank.get(text) ?? rank.size), type };
  }
  return tokens;
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((text) => typeof text === 'string');

const isTokenId = (id: unknown): id is number =>
  Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) <= 1 << 24;

interface AddedToken {
  id: number;
  text: string;
  /** Undefined: not said here. */
  special: boolean | undefined;
}

async function addedTokens(
  folder: string | undefined,
  json: Record<string, unknown> | undefined,
): Promise<AddedToken[]> {
  const beside = async (name: string) =>
    (folder === undefined ? undefined : await readOptionalJson(path.join(folder, name))) ?? {};
  const plain = await beside('added_tokens.json');
  const config = await beside('tokenizer_config.json');
  const special = specialTexts(await beside('special_tokens_map.json'));
  const named = (name: string, id: unknown, token: unknown): AddedToken => {
    const { content, special } = (token ?? {}) as { content?: unknown; special?: unknown };
    const number = typeof id === 'number' || /^\d+$/.test(String(id)) ? Number(id) : -1;
    if (!isTokenId(number) || typeof content !== 'string')
      throw invalid(`${name}: an added token has no valid id and text`);
    return { id: number, text: content, special: special === undefined ? undefined : special === true };
  };
  const decoder = config.added_tokens_decoder ?? {};
  const list = json?.added_tokens ?? [];
  if (typeof decoder !== 'object' || decoder === null || !Array.isArray(list))
    throw invalid('the added tokens of the tokenizer cannot be read');
  const all: AddedToken[] = [
    ...Object.entries(plain).map(([content, id]) => named('added_tokens.json', id, { content })),
    ...Object.entries(decoder).map(([id, token]) => named('tokenizer_config.json', id, token)),
    ...list.map((token) => named('tokenizer.json', token?.id, token)),
  ];
  return all.map((token) => (special.has(token.text) ? { ...token, special: true } : token));
}

function specialTexts(map: Record<string, unknown>): Set<string> {
  const texts = Object.values(map)
    .flat()
    .map((value) => (typeof value === 'string' ? value : (value as { content?: unknown })?.content));
  return new Set(texts.filter((text) => typeof text === 'string'));
}

function addToken(tokens: (Token | undefined)[], { id, text, special }: AddedToken): void {
  const known = tokens[id];
  if (!known) {
    tokens[id] = { text, score: 0, type: special ? TokenType.control : TokenType.userDefined };
  } else if (special && known.type !== TokenType.unknown) {
    known.type = TokenType.control;
  } else if (special === false && known.type === TokenType.normal) {
    known.type = TokenType.userDefined;
  }
}
