/** The question prompt of PaliGemma's mixtures: VQAv2, GQA, A-OKVQA, NLVR2 and others. */
export const answerPrompt = (language: string, question: string): string => `answer ${language} ${question}`;
