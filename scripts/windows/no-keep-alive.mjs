// For tests under Wine, which does not know the option by which Node has connections kept alive (TCP_KEEPALIVE): all would fail.
import net from 'node:net';

net.Socket.prototype.setKeepAlive = function () {
  return this;
};
