import { config } from '../state/session';
import { useStore } from '../state/store';

export function Footer() {
  const version = useStore(config)?.version;
  return (
    <footer>
      <span>
        Pictures go to <strong>{location.host}</strong> and nowhere else.
      </span>
      {version !== undefined && <span>paligemma {version}</span>}
    </footer>
  );
}
