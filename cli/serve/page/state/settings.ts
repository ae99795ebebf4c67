// What stays for the next visit.
import { Store } from './store';

interface Settings {
  theme: 'system' | 'light' | 'dark';
  /** Whether new pictures are asked without pressing the button. */
  atOnce: boolean;
}

const NAME = 'paligemma-settings';

function saved(): Settings {
  const preset: Settings = { theme: 'system', atOnce: true };
  try {
    return { ...preset, ...JSON.parse(localStorage.getItem(NAME) ?? '{}') };
  } catch {
    return preset;
  }
}

export const settings = new Store<Settings>(saved());

export function changeSettings(part: Partial<Settings>): void {
  settings.value = { ...settings.value, ...part };
  localStorage.setItem(NAME, JSON.stringify(settings.value));
}

/** The style sheet knows both themes; here is said which one, unless the system says it. */
export function applyTheme(): void {
  const { theme } = settings.value;
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
