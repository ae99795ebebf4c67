/** Hands pictures to the captioning process and its answers back to who asked. */
export class Relay {
  #child;
  #waiting = new Map();
  #lastId = 0;
  #ended;

  /** @param child an Electron UtilityProcess */
  constructor(child) {
    this.#child = child;
    child.on('message', (message) => this.#receive(message));
    child.on('exit', (code) => this.#end(new Error(`the captioning process ended (${code})`)));
  }

  /**
   * @param image an encoded picture, as Uint8Array
   * @param onText gets the caption in pieces as it comes
   * @returns the whole caption
   */
  caption(image, onText) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      if (this.#ended) throw this.#ended;
      this.#child.postMessage({ id, image }); // throws where the child cannot be reached any more
      this.#waiting.set(id, { onText, resolve, reject });
    });
  }

  #receive({ id, text, caption, error }) {
    const request = this.#waiting.get(id);
    if (!request) return;
    if (text !== undefined) return request.onText(text);
    this.#waiting.delete(id);
    if (error === undefined) request.resolve(caption);
    else request.reject(new Error(error));
  }

  #end(error) {
    this.#ended = error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
