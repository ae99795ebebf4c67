import { addAndAsk } from '../state/run';
import { Icon } from './icons';

const ACCEPTED = 'image/png,image/jpeg,image/webp,image/gif,image/avif,image/heic,.heic,.heif,image/*';

interface Properties {
  /** Whether it opens the camera of a phone. */
  photograph?: boolean;
  children: string;
  primary?: boolean;
}

/** A button that is a field for files, so that it works by keyboard as one. */
export function PictureInput({ photograph = false, primary = false, children }: Properties) {
  const choose = (event: Event) => {
    const field = event.currentTarget as HTMLInputElement;
    addAndAsk([...(field.files ?? [])]);
    field.value = ''; // the same file may be chosen again
  };
  return (
    <label class={`button file ${primary ? 'primary' : ''} ${photograph ? 'photograph' : ''}`}>
      <input
        type="file"
        accept={ACCEPTED}
        multiple={!photograph}
        {...(photograph && { capture: 'environment' })}
        onChange={choose}
        data-testid={photograph ? 'camera-input' : 'picture-input'}
      />
      <Icon name={photograph ? 'camera' : 'plus'} />
      <span>{children}</span>
    </label>
  );
}
