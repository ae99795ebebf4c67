import { useState } from 'preact/hooks';
import { giveKey, keyAsked } from '../state/session';
import { useStore } from '../state/store';
import { Dialog } from './dialog';

export function KeyDialog() {
  const asked = useStore(keyAsked);
  const [key, setKey] = useState('');
  if (asked === 'no') return null;
  return (
    <Dialog title="This server wants a key">
      <form
        class="key"
        data-testid="key-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (key.trim() === '') return;
          giveKey(key.trim());
          setKey('');
        }}
      >
        {asked === 'wrong' && (
          <p class="error" role="alert" data-testid="key-error">
            The server did not take that key. Look at what it was started with.
          </p>
        )}
        <label class="field">
          <span>Key</span>
          <input
            type="password"
            autocomplete="off"
            required
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
            data-testid="key"
          />
        </label>
        <p class="quiet">It was given to the server when it was started. It is kept until you close this tab.</p>
        <button type="submit" class="button primary" data-testid="key-submit">
          Use this key
        </button>
      </form>
    </Dialog>
  );
}
