import { useState } from 'preact/hooks';
import { answers } from '../state/answers';
import { askAgain, lostAnswers } from '../state/run';
import { connection, lookForServer } from '../state/session';
import { useStore } from '../state/store';
import { Icon } from './icons';

/** Says that the server is lost, and that it is back. */
export function Banner() {
  const state = useStore(connection);
  useStore(answers);
  const [looking, setLooking] = useState(false);
  if (state === 'there') return null;
  if (state === 'lost')
    return (
      <div class="banner lost" role="alert" data-testid="connection-lost">
        <Icon name="warning" />
        <p>
          <strong>The server does not answer.</strong> Start it again with <code>npx paligemma serve</code>. This page
          keeps your pictures and answers, and notices when it is back.
        </p>
        <button
          type="button"
          class="button"
          disabled={looking}
          onClick={() => {
            setLooking(true);
            lookForServer().finally(() => setLooking(false));
          }}
          data-testid="retry-connection"
        >
          Try again
        </button>
      </div>
    );
  const lost = lostAnswers();
  return (
    <div class="banner back" role="status" data-testid="connection-back">
      <Icon name="check" />
      <p>
        <strong>The server is back.</strong>
      </p>
      {lost.length > 0 && (
        <button
          type="button"
          class="button"
          onClick={() => {
            connection.value = 'there';
            askAgain(lost);
          }}
          data-testid="ask-lost"
        >
          {lost.length === 1 ? 'Ask again' : `Ask again about ${lost.length} pictures`}
        </button>
      )}
      <button
        type="button"
        class="button round"
        aria-label="Close this message"
        onClick={() => {
          connection.value = 'there';
        }}
      >
        <Icon name="close" />
      </button>
    </div>
  );
}
