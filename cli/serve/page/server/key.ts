/** The key of a server that wants one: kept until the browser's tab is closed, and nowhere else. */
const NAME = 'paligemma-key';

export const savedKey = (): string => sessionStorage.getItem(NAME) ?? '';
export const saveKey = (key: string): void => sessionStorage.setItem(NAME, key);
