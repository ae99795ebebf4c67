/** The prompt for all text in a picture, from top left to bottom right. */
export const readPrompt = (): string => 'ocr';
