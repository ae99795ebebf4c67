import { closePicture, type OpenPicture, openPicture } from '../pictures/open';
import { forgetAnswer, forgetAnswers } from './answers';
import { Store } from './store';

export interface Picture {
  id: number;
  name: string;
  /** Until the browser has opened it there is neither. */
  open?: OpenPicture;
  /** Why it cannot be opened. */
  problem?: string;
}

export const pictures = new Store<Picture[]>([]);
/** Id of the one that is shown large. */
export const selected = new Store<number | null>(null);

export const pictureOf = (id: number | null): Picture | undefined => pictures.value.find((one) => one.id === id);

let next = 1;

/** Opens files, one after the other, so that a hundred photographs do not fill the memory. */
export async function addFiles(files: File[], opened: (picture: Picture) => void): Promise<void> {
  const added = files.map((file): [File, Picture] => [file, { id: next++, name: file.name || 'picture' }]);
  const [first] = added;
  if (!first) return;
  pictures.value = [...pictures.value, ...added.map(([, picture]) => picture)];
  selected.value = first[1].id;
  for (const [file, { id }] of added) {
    if (!pictureOf(id)) continue; // removed meanwhile
    const found = await openPicture(file).then(
      (open) => ({ open }),
      (error: Error) => ({ problem: error.message }),
    );
    const picture = pictureOf(id);
    if (!picture) {
      if ('open' in found) closePicture(found.open);
      continue;
    }
    const now = { ...picture, ...found };
    pictures.value = pictures.value.map((one) => (one.id === id ? now : one));
    if (now.open) opened(now);
  }
}

export function removePicture(id: number): void {
  const index = pictures.value.findIndex((one) => one.id === id);
  const picture = pictures.value[index];
  if (!picture) return;
  if (picture.open) closePicture(picture.open);
  const rest = pictures.value.filter((one) => one.id !== id);
  pictures.value = rest;
  forgetAnswer(id);
  if (selected.value === id) selected.value = (rest[index] ?? rest[index - 1])?.id ?? null;
}

export function clearPictures(): void {
  for (const { open } of pictures.value) if (open) closePicture(open);
  pictures.value = [];
  selected.value = null;
  forgetAnswers();
}
