import { Store } from './store';

/** What screen readers say next, when there is a pause. */
export const announcement = new Store('');

export const announce = (text: string): void => {
  announcement.value = text;
};
