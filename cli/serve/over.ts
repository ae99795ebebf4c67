// The end of a request: its answer is sent, or its client gone.
import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';

/** One listener a connection, whatever it asks at once. */
const connections = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls `over` once. Of several requests that a client sends without waiting for answers, Node tells only the first that the
 * connection is gone: the others' answers have none yet.
 */
export function whenOver({ raw, request }: FastifyReply, over: () => void): void {
  const { socket } = request.raw;
  const open = openOf(socket);
  const once = () => {
    if (open.delete(once)) over();
  };
  open.add(once);
  if (raw.destroyed || socket.destroyed) once();
  else raw.once('close', once);
}

function openOf(socket: Socket): Set<() => void> {
  const known = connections.get(socket);
  if (known) return known;
  const open = new Set<() => void>();
  connections.set(socket, open);
  socket.once('close', () => {
    for (const over of open) over();
  });
  return open;
}
