import { announcement } from '../state/announce';
import { useStore } from '../state/store';

/** For screen readers: whole answers and errors, not each piece of a text. */
export const Announcer = () => (
  <div class="unseen" role="status" aria-live="polite" data-testid="announcement">
    {useStore(announcement)}
  </div>
);
