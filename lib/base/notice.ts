/** What users should know and nobody waits for: told to `onNotice` where there is one, else a warning of the process. */
export function notice(text: string, code: `PALIGEMMA_${string}`, onNotice?: (text: string) => void): void {
  if (onNotice) onNotice(text);
  else process.emitWarning(text, { type: 'PaliGemma', code });
}
