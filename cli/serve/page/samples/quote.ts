/** A text as JavaScript has it, in single quotes. */
export const jsText = (text: string): string =>
  `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;

export const jsList = (texts: string[]): string => `[${texts.map(jsText).join(', ')}]`;

/** A text as a shell takes it, in single quotes. */
export const shellText = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
