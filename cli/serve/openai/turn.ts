// Conversations. PaliGemma answers one turn: a prompt about some pictures, without a word before it.
import { badRequest } from '../errors.js';

/** A message, as both interfaces have it. */
export interface Turn {
  role: string;
  content: unknown;
  /** Where it stands in the request. */
  param: string;
}

export interface LastTurn {
  text: string;
  images: { url: unknown; param: string }[];
  /** What was dropped, in words. */
  ignored: string[];
}

const ASKS = new Set(['user']);
/** As the tasks take. */
const MOST_IMAGES = 64;
const INSTRUCTS = new Set(['system', 'developer']);

/**
 * What the last message of the user asks.
 * @param lenient drop what stands before it, instead of refusing it. A last message without a picture is then about that of the
 *   message before it.
 * @throws HttpError 400
 */
export function lastTurn(turns: Turn[], lenient: boolean): LastTurn {
  const asked = turns.filter(({ role }) => ASKS.has(role)).map(contentOf);
  const last = asked.at(-1);
  if (!last || !ASKS.has(turns.at(-1)?.role ?? '')) throw badRequest("the last message must be the user's", 'messages');
  const instructions = turns.filter(({ role, content }) => INSTRUCTS.has(role) && !isEmpty(content));
  const before = turns.filter(({ role }) => !INSTRUCTS.has(role)).length - 1;
  if (!lenient && instructions.length > 0)
    throw badRequest(
      'PaliGemma takes no system message: write all of it into the prompt (--lenient drops it)',
      instructions[0]?.param,
    );
  if (!lenient && before > 0)
    throw badRequest(
      'PaliGemma answers one message and remembers none: send the last one alone (--lenient drops the others)',
      turns[0]?.param,
    );
  const ignored = [
    ...(instructions.length > 0 ? ['system message'] : []),
    ...(before > 0 ? [`${before} earlier messages`] : []),
  ];
  const seen = asked.findLast(({ images }) => images.length > 0);
  const { images = [] } = seen ?? {};
  if (images.length > MOST_IMAGES) throw badRequest(`there may be ${MOST_IMAGES} pictures`, images[MOST_IMAGES]?.param);
  return { text: last.text, images, ignored };
}

const isEmpty = (content: unknown): boolean =>
  content === undefined || content === null || content === '' || (Array.isArray(content) && content.length === 0);

function contentOf({ content, param }: Turn): Omit<LastTurn, 'ignored'> {
  if (typeof content === 'string') return { text: content, images: [] };
  if (!Array.isArray(content))
    throw badRequest(`${param}.content must be a text or a list of parts`, `${param}.content`);
  const texts: string[] = [];
  const images: LastTurn['images'] = [];
  for (const [i, part] of content.entries()) {
    const at = `${param}.content.${i}`;
    const { type, text, image_url: url } = (part ?? {}) as { type?: unknown; text?: unknown; image_url?: unknown };
    if (type === 'text' || type === 'input_text') {
      if (typeof text !== 'string') throw badRequest(`${at}.text must be a text`, `${at}.text`);
      texts.push(text);
    } else if (type === 'image_url' || type === 'input_image') {
      const inside = typeof url === 'object' && url !== null ? (url as { url?: unknown }).url : url;
      images.push({ url: inside, param: `${at}.image_url` });
    } else {
      throw badRequest(`${at}.type must be "text" or "image_url": the model reads nothing else`, `${at}.type`);
    }
  }
  return { text: texts.join('\n'), images };
}
