/** The caption prompt of PaliGemma, in one of the 35 languages of COCO-35L. */
export const captionPrompt = (language: string): string => `caption ${language}`;
