// Forms: files are pictures, the other fields options in text form.
import type { FastifyError, FastifyRequest } from 'fastify';
import { reasonOf } from 'node-paligemma/support';
import { badRequest, HttpError } from './errors.js';
import type { Picture } from './images.js';

type Properties = Readonly<Record<string, unknown>>;

const uploads = new WeakMap<FastifyRequest, Picture[]>();

export const uploadsOf = (request: FastifyRequest): Picture[] => uploads.get(request) ?? [];

/** Makes of a form what JSON would have been; its pictures stay bytes. */
export const readMultipart = (properties: Properties) => async (request: FastifyRequest) => {
  if (!request.isMultipart()) return;
  try {
    await read(request, properties);
  } catch (error) {
    // The parser's own errors have no status.
    if (error instanceof HttpError || typeof (error as FastifyError).statusCode === 'number') throw error;
    throw badRequest(`the form cannot be read: ${reasonOf(error)}`);
  }
};

async function read(request: FastifyRequest, properties: Properties): Promise<void> {
  const { bodyLimit } = request.routeOptions;
  let bytes = 0;
  const body: Record<string, unknown> = {};
  const files: Picture[] = [];
  for await (const part of request.parts()) {
    if (part.type === 'file') {
      if (part.fieldname !== 'image' && part.fieldname !== 'images')
        throw badRequest(
          `files are pictures and come as "image", not as ${JSON.stringify(part.fieldname.slice(0, 100))}`,
        );
      const file = await part.toBuffer();
      bytes += file.length;
      if (bytes > bodyLimit) throw tooLarge('the form is too large'); // it did not say so before
      files.push(file);
    } else {
      const { fieldname: name, value } = part;
      if (part.valueTruncated)
        throw tooLarge(`${name} is too long for a field of a form: send JSON, and pictures as files`);
      const schema = (Object.hasOwn(properties, name) ? properties[name] : undefined) as Schema | undefined;
      const one = fromText(String(value), schema);
      const list = listOf(schema);
      // An option that is a list comes as several fields of one name.
      body[name] = list && Object.hasOwn(body, name) ? [body[name], one].flat() : one;
    }
  }
  for (const [name, value] of Object.entries(body)) {
    const schema = properties[name] as Schema | undefined;
    if (typesOf(schema).includes('array') && !Array.isArray(value)) body[name] = [value];
  }
  uploads.set(request, files);
  request.body = body;
}

const tooLarge = (message: string) => new HttpError(413, 'ERR_BODY_TOO_LARGE', message);

interface Schema {
  type?: string | readonly string[];
  anyOf?: readonly Schema[];
}

const typesOf = (schema: Schema | undefined): readonly string[] => [schema?.type ?? []].flat();

const listOf = (schema: Schema | undefined): boolean =>
  typesOf(schema).includes('array') || (schema?.anyOf ?? []).some((one) => typesOf(one).includes('array'));

/** Numbers and truth values as JSON writes them; what is none stays a text, and is refused where it is checked. */
function fromText(text: string, schema: Schema | undefined): unknown {
  const types = typesOf(schema);
  if ((types.includes('number') || types.includes('integer')) && text.trim() !== '' && Number.isFinite(Number(text)))
    return Number(text);
  if (types.includes('boolean') && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}
