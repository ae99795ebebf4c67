import { Icon } from './icons';

interface Properties {
  title?: string;
  message: string;
  /** What to do about it. */
  help?: string;
  retry?: () => void;
}

/** What went wrong, where it went wrong. */
export const Problem = ({ title, message, help, retry }: Properties) => (
  <div class="problem" data-testid="error">
    <Icon name="warning" />
    <div>
      {title !== undefined && <strong>{title}</strong>}
      <p>{message}</p>
      {help !== undefined && <p>{help}</p>}
      {retry && (
        <button type="button" class="button" onClick={retry} data-testid="retry">
          Try again
        </button>
      )}
    </div>
  </div>
);
