// The engine's own process: the addon at the end of a channel. It ends with its model, or with who started it.
import { PaliGemmaError, reasonOf } from '../../errors.js';
import { type NativeModel, native } from '../../native.js';
import type { FromEngine, ToEngine } from './wire.js';

/** Electron's side of a utility process; absent in a process that Node started. */
const port = (process as { parentPort?: ParentPort }).parentPort;

interface ParentPort {
  on(event: 'message', listener: (message: { data: ToEngine }) => void): void;
  postMessage(message: FromEngine): void;
}

function send(message: FromEngine, sent: () => void = () => {}): void {
  if (port) {
    port.postMessage(message);
    setTimeout(sent, 100); // nothing tells when it has gone
  } else {
    process.send?.(message, undefined, undefined, sent);
  }
}

let model: NativeModel | undefined;

function receive(message: ToEngine): void {
  if (message.type === 'open') open(message.options);
  else if (message.type === 'submit') model?.submit(message.request);
  else if (message.type === 'abort') model?.abort(message.id);
  else if (model) model.stop();
  else process.exit(0);
}

function open(options: Extract<ToEngine, { type: 'open' }>['options']): void {
  model = new (native().Model)(options, (event) => {
    if (event.type !== 'closed') return send({ type: 'event', event });
    model?.release();
    send({ type: 'event', event }, () => process.exit(0));
  });
}

// Ctrl-C goes to every process of a terminal, and other ends to every process of a service. What follows is for the application to
// say, which ends this one. (Electron's `kill` is a SIGTERM.)
for (const signal of port ? ['SIGINT'] : ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
process.on('disconnect', () => process.exit(0));
if (port) port.on('message', ({ data }) => receive(data));
else process.on('message', receive);

try {
  send({ type: 'ready', devices: native().devices() });
} catch (error) {
  const code = error instanceof PaliGemmaError ? error.code : 'ERR_ADDON_NOT_FOUND';
  send({ type: 'failed', code, message: reasonOf(error) }, () => process.exit(1));
}
