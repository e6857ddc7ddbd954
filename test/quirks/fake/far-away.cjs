/**
 * Loaded into the program before it begins: slow.quirks.test has an address of IPv4, on loopback, whose handshake takes
 * QUIRKS_FAR_AWAY milliseconds, and after it one of IPv6 that no route leads to, as from a network without IPv6.
 * Loopback has no distance of its own; the delay is put before connect(2) of the handles below node:net.
 */
const dns = require('node:dns');
const { TCP } = process.binding('tcp_wrap');

const NAME = 'slow.quirks.test';
const ADDRESSES = [
  { address: '127.0.0.1', family: 4 },
  { address: '2001:db8::1', family: 6 },
];
/** ENETUNREACH and ECANCELED as libuv has them on Linux. */
const UNREACHABLE = -101;
const CANCELED = -125;

const { lookup } = dns;
dns.lookup = (name, options, callback) => {
  const done = callback ?? options;
  if (name !== NAME) return lookup(name, options, done);
  const { all, family = 0 } = typeof options === 'object' ? options : {};
  const known = ADDRESSES.filter((one) => family === 0 || one.family === Number(String(family).replace('IPv', '')));
  setImmediate(() => (all ? done(null, known) : done(null, known[0].address, known[0].family)));
};
const { lookup: resolve } = dns.promises;
dns.promises.lookup = async (name, options = {}) => {
  if (name !== NAME) return resolve(name, options);
  return options.all ? ADDRESSES : ADDRESSES[0];
};

const { connect, close } = TCP.prototype;
const closed = new WeakSet();
TCP.prototype.connect = function later(request, ...to) {
  setTimeout(() => {
    // Who has not waited has closed it; libuv then ends the attempt with ECANCELED.
    const failed = closed.has(this) ? CANCELED : connect.call(this, request, ...to);
    if (failed !== 0) request.oncomplete?.(failed, this, request, true, true);
  }, Number(process.env.QUIRKS_FAR_AWAY));
  return 0;
};
TCP.prototype.close = function remembered(...args) {
  closed.add(this);
  return close.apply(this, args);
};
TCP.prototype.connect6 = () => UNREACHABLE;
