// Loaded into a server before its program: an internet of a few names, of which nothing is outside this machine.
//   public.test has a public address, private.test a private one, rebinding.test these by turns.
// Who connects to the public address reaches the loopback. Who would connect to another one is reported to the port FUZZ_CANARY.
import dns from 'node:dns';
import net from 'node:net';

const PUBLIC = '93.184.216.34';
let turns = 0;
const names = {
  'public.test': () => PUBLIC,
  'private.test': () => '10.0.0.1',
  'rebinding.test': () => (turns++ % 2 ? '127.0.0.1' : PUBLIC),
};
const { lookup } = dns;
dns.lookup = (name, options, done) => {
  if (!names[name]) return lookup(name, options, done);
  const found = { address: names[name](), family: 4 };
  process.nextTick(done, null, ...(options.all ? [[found]] : [found.address, 4]));
};
const { connect } = net;
net.connect = (options, ...rest) => {
  if (typeof options !== 'object' || !options.lookup || !process.env.FUZZ_CANARY) return connect(options, ...rest);
  const looked = (host, wanted, done) =>
    options.lookup(host, { ...wanted, all: true }, (error, found) => {
      if (error) return done(error, '', 0);
      const outside = found.some(({ address }) => address === PUBLIC);
      if (!outside) connect(Number(process.env.FUZZ_CANARY), '127.0.0.1').end('GET /private HTTP/1.0\r\n\r\n');
      const where = outside ? [{ address: '127.0.0.1', family: 4 }] : found;
      if (wanted.all) done(null, where);
      else done(null, where[0].address, where[0].family);
    });
  return connect({ ...options, lookup: looked }, ...rest);
};
