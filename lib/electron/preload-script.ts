// A whole preload script, for applications that bundle none. Sandboxed ones may require `electron` and no file, so it is in one.
import type { ElectronOfPreload } from './preload.js';
import { exposePaliGemma } from './preload.js';

declare const require: (name: 'electron') => ElectronOfPreload;

exposePaliGemma(require('electron'));
