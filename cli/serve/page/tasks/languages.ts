/** Those PaliGemma was taught to caption in: COCO-35L's. */
export const LANGUAGES = [
  ...['ar', 'bn', 'cs', 'da', 'de', 'el', 'en', 'es', 'fa', 'fi', 'fil', 'fr', 'he', 'hi', 'hr', 'hu', 'id', 'it'],
  ...['ja', 'ko', 'mi', 'nl', 'no', 'pl', 'pt', 'ro', 'ru', 'sv', 'sw', 'te', 'th', 'tr', 'uk', 'vi', 'zh'],
];

/** The embedded model knows five. */
export const EMBEDDED_LANGUAGES = ['en', 'es', 'fr', 'de', 'zh'];

const english = new Intl.DisplayNames(['en'], { type: 'language' });

export const languageName = (code: string): string => english.of(code) ?? code;

/** With the name that its speakers give it. */
export function languageLabel(code: string): string {
  const own = new Intl.DisplayNames([code], { type: 'language' }).of(code);
  const name = languageName(code);
  return own === undefined || own === name || own === code ? name : `${name} (${own})`;
}

export const byName = (codes: string[]): string[] =>
  [...codes].sort((a, b) => languageName(a).localeCompare(languageName(b)));
