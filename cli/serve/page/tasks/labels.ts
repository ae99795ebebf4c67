/** Names out of a text with `;` between them. */
export const splitLabels = (text: string): string[] =>
  text
    .split(/[;\n]/)
    .map((label) => label.replace(/[<>]/g, '').trim())
    .filter((label) => label !== '');

export const withLabels = (labels: string[], text: string): string[] => [...new Set([...labels, ...splitLabels(text)])];
