import { useState } from 'preact/hooks';
import { changeSettings, settings } from '../state/settings';
import { useStore } from '../state/store';
import { Icon } from './icons';
import { ModelChoice } from './model-choice';
import { ModelsDialog } from './models-dialog';

export function Header() {
  const [shown, show] = useState(false);
  return (
    <header>
      <h1>
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
          <rect width="32" height="32" rx="8" />
          <path d="M8 12V9.5A1.5 1.5 0 0 1 9.5 8H12M20 8h2.5A1.5 1.5 0 0 1 24 9.5V12M24 20v2.5a1.5 1.5 0 0 1-1.5 1.5H20M12 24H9.5A1.5 1.5 0 0 1 8 22.5V20" />
          <circle cx="16" cy="16" r="3.6" />
        </svg>
        PaliGemma
      </h1>
      <ModelChoice />
      <div class="row">
        <button type="button" class="button" onClick={() => show(true)} data-testid="models-button">
          Models
        </button>
        <ThemeToggle />
      </div>
      {shown && <ModelsDialog close={() => show(false)} />}
    </header>
  );
}

function ThemeToggle() {
  const { theme } = useStore(settings);
  const dark = theme === 'dark' || (theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
  const name = dark ? 'Light colours' : 'Dark colours';
  return (
    <button
      type="button"
      class="button round"
      aria-label={name}
      title={name}
      onClick={() => changeSettings({ theme: dark ? 'light' : 'dark' })}
      data-testid="theme-toggle"
    >
      <Icon name={dark ? 'sun' : 'moon'} />
    </button>
  );
}
