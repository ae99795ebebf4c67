// The engine's own process: the addon at the end of a channel. It ends with its model, or with who started it.

import { type NativeModel, type NativeModelOptions, type NativeRequest, native } from '../../addon/native.js';
import { PaliGemmaError, reasonOf } from '../../base/errors.js';
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
  else if (message.type === 'submit') submit(message.request);
  else if (message.type === 'abort') model?.abort(message.id);
  else if (model) model.stop();
  else process.exit(0);
}

function open(options: NativeModelOptions): void {
  try {
    model = new (native().Model)(options, (event) => {
      if (event.type !== 'closed') return send({ type: 'event', event });
      model?.release();
      send({ type: 'event', event }, () => process.exit(0));
    });
  } catch (error) {
    send({ type: 'event', event: { type: 'loadFailed', reason: reasonOf(error) } });
  }
}

/** What cannot be taken is its own failure, and not that of all others. */
function submit(request: NativeRequest): void {
  try {
    model?.submit(request);
  } catch (error) {
    send({
      type: 'event',
      event: { type: 'failed', id: request.id, reason: reasonOf(error), cause: 'computing' },
    });
  }
}

// Ctrl-C goes to every process of a terminal, and other ends to every process of a service. What follows is for the application to
// say, which ends this one. (Electron's `kill` is a SIGTERM.)
for (const signal of port ? ['SIGINT'] : ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
// Who started it has gone, and nobody waits for an end in order: of one, ggml's threads outlive what they use.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
if (port) port.on('message', ({ data }) => receive(data));
else process.on('message', receive);

try {
  send({ type: 'ready', devices: native().devices() });
} catch (error) {
  const code = error instanceof PaliGemmaError ? error.code : 'ERR_ADDON_NOT_FOUND';
  send({ type: 'failed', code, message: reasonOf(error) }, () => process.exit(1));
}
