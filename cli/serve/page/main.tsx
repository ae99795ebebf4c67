import { render } from 'preact';
import { App } from './parts/app';
import { keepFocus } from './parts/keep-focus';
import { startSession } from './state/session';
import { applyTheme, settings } from './state/settings';
import './style/theme.css';
import './style/base.css';
import './style/controls.css';
import './style/frame.css';
import './style/stage.css';
import './style/panel.css';
import './style/answer.css';
import './style/dialogs.css';

applyTheme();
settings.watch(applyTheme);
const place = document.getElementById('page');
if (place) {
  render(<App />, place);
  keepFocus(place);
}
startSession();
