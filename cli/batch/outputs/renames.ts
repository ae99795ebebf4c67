/** Says of the first result that has another name than its picture, and in the end how many have. */
export class Renames {
  readonly #say: (text: string) => void;
  #count = 0;

  constructor(say: (text: string) => void = () => {}) {
    this.#say = say;
  }

  add(text: string): void {
    if (this.#count++ === 0) this.#say(text);
  }

  end(): void {
    if (this.#count > 1) this.#say(`${this.#count} results have other names than their pictures, which were taken`);
  }
}
