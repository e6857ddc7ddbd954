// Preloaded by `node --require`: refuses every connection and name look-up of a program, and notes it in a file.
const { appendFileSync } = require('node:fs');
const dgram = require('node:dgram');
const dns = require('node:dns');
const net = require('node:net');

function refuse(what) {
  return (...args) => {
    appendFileSync(process.env.REFUSED_CONNECTIONS, `${what} ${JSON.stringify(args[0])}\n`);
    throw new Error(`the test forbids ${what}`);
  };
}

net.Socket.prototype.connect = refuse('connect');
dgram.Socket.prototype.send = refuse('send');
dns.lookup = refuse('lookup');
