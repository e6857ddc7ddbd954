/**
 * The cluster's only name server: dns.mjs ADDRESS FOLDER. It answers names of the cluster's own registries (suffixes, a line
 * each, in FOLDER/private-names) with ADDRESS, says of all others that there is no such name, and writes each question to
 * FOLDER/log/dns-queries.log: seconds since 1970, who asked, type, name. UDP and TCP, RFC 1035.
 */
import { createSocket } from 'node:dgram';
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const [address, folder] = process.argv.slice(2);
const A = 1;

/** Answers a question with its first name only, as all resolvers ask. */
function answer(question, from) {
  const labels = [];
  let at = 12;
  while (question[at] > 0) {
    labels.push(question.toString('latin1', at + 1, at + 1 + question[at]));
    at += 1 + question[at];
  }
  const type = question.readUInt16BE(at + 1);
  const name = labels.join('.').toLowerCase();
  appendFileSync(join(folder, 'log/dns-queries.log'), `${Date.now() / 1000} ${from} ${type} ${name}\n`);
  const suffixes = readFileSync(join(folder, 'private-names'), 'utf8').trim().split('\n');
  const isPrivate = suffixes.some((suffix) => name === suffix || name.endsWith(`.${suffix}`));
  const asked = question.subarray(12, at + 5);
  const header = Buffer.from(question.subarray(0, 12));
  header.writeUInt16BE(isPrivate ? 0x8580 : 0x8583, 2);
  header.writeUInt16BE(1, 4);
  header.fill(0, 6);
  if (!isPrivate || type !== A) return Buffer.concat([header, asked]);
  header.writeUInt16BE(1, 6);
  const record = Buffer.from([0xc0, 12, 0, A, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)]);
  return Buffer.concat([header, asked, record]);
}

const udp = createSocket('udp4');
udp.on('message', (question, { address: from, port }) => udp.send(answer(question, from), port, from));
udp.bind(53, address);

createServer((socket) => {
  let received = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0);
      const reply = answer(received.subarray(2, end), socket.remoteAddress);
      received = received.subarray(end);
      socket.write(Buffer.concat([Buffer.from([reply.length >> 8, reply.length & 255]), reply]));
    }
  });
}).listen(53, address);
