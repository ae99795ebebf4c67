import { useEffect, useState } from 'preact/hooks';
import { announce } from '../state/announce';
import { Icon } from './icons';

interface Properties {
  text: () => string;
  /** What is copied, for the button's name. */
  what: string;
}

const SHOWN_MS = 2000;

/** Without a secure context there is no clipboard: then an old command of browsers copies. */
async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = Object.assign(document.createElement('textarea'), { value: text });
  document.body.append(field);
  field.select();
  const copied = document.execCommand('copy');
  field.remove();
  if (!copied) throw new Error('not copied');
}

export function CopyButton({ text, what }: Properties) {
  const [state, setState] = useState<'ready' | 'copied' | 'failed'>('ready');
  useEffect(() => {
    if (state === 'ready') return;
    const timer = setTimeout(() => setState('ready'), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [state]);
  const onClick = () =>
    copy(text()).then(
      () => {
        setState('copied');
        announce(`${what} copied.`);
      },
      () => setState('failed'),
    );
  return (
    <button type="button" class="button" aria-label={`Copy ${what}`} onClick={onClick} data-testid="copy">
      <Icon name={state === 'copied' ? 'check' : 'copy'} />
      <span>{state === 'copied' ? 'Copied' : state === 'failed' ? 'Not copied' : 'Copy'}</span>
    </button>
  );
}
