// The pictures of a request: bytes in it, or, where that is allowed, at a public address. Never a file of this machine.
import type { FastifyRequest } from 'fastify';
import { Access, isDataUrl, isUrl, readDataUrl } from 'node-paligemma/support';
import { badRequest, type HttpError } from './errors.js';
import type { Settings } from './options.js';

export type Picture = Uint8Array;

export class Pictures {
  private constructor(
    private readonly remote: Access | undefined,
    private readonly mostBytes: number,
  ) {}

  static async open({ allowRemoteImages, bodyLimit }: Settings): Promise<Pictures> {
    return new Pictures(
      allowRemoteImages ? await Access.open({ publicUrlsOnly: true, maxBytes: bodyLimit }) : undefined,
      bodyLimit,
    );
  }

  /**
   * @param url `data:`, or `http(s):` where remote pictures are allowed
   * @param param where it stands in the request
   */
  async fromUrl(url: unknown, param: string, signal: AbortSignal): Promise<Picture> {
    if (typeof url !== 'string') throw badRequest(`${param} must be a data: URL of a picture`, param);
    if (isDataUrl(url)) return readDataUrl(url);
    if (!isUrl(url))
      throw badRequest(`${param} must be a data: URL of a picture, such as data:image/png;base64,...`, param);
    if (!this.remote)
      throw badRequest(
        `pictures at other addresses are not fetched here: send a data: URL (the server's --allow-remote-images changes that)`,
        param,
      );
    return this.remote.fetch(url, signal, true);
  }

  /** One after another: a few names of large pictures may not fill the memory. @param named each with where it stands */
  async fromUrls(named: readonly (readonly [url: unknown, param: string])[], signal: AbortSignal): Promise<Picture[]> {
    const pictures: Picture[] = [];
    let bytes = 0;
    for (const [url, param] of named) {
      const picture = await this.fromUrl(url, param, signal);
      bytes += picture.length;
      if (bytes > this.mostBytes)
        throw badRequest(`the pictures of a request have ${this.mostBytes} bytes at most`, param);
      pictures.push(picture);
    }
    return pictures;
  }

  /** A picture in base64 alone, as Hugging Face's clients send it, or as a URL. */
  async fromText(text: unknown, param: string, signal: AbortSignal): Promise<Picture> {
    if (typeof text === 'string' && !isDataUrl(text) && !isUrl(text)) return readDataUrl(`data:;base64,${text}`);
    return this.fromUrl(text, param, signal);
  }
}

/** Whether the client wants a picture rather than JSON. */
export const wantsPng = (request: FastifyRequest): boolean => /^image\/png\b/i.test(request.headers.accept ?? '');

export const noPicture = (what: string): HttpError => badRequest(`${what} needs a picture`, 'image');
