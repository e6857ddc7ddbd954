/**
 * Stand-in for ECR, a program inside of the cluster: ecr-server.ts FOLDER ADDRESS. Its registry is at ADDRESS:443, TLS by
 * FOLDER/pki/ecr.crt; its API is on loopback, at the address that it writes to FOLDER/ecr/endpoint. SIGTERM ends it, and
 * writes all requests to FOLDER/ecr/requests.json.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { startEcr } from '../../ecr.ts';

const [folder = '', address = ''] = process.argv.slice(2);
const read = (file: string): Buffer => readFileSync(join(folder, 'pki', file));
const ecr = await startEcr();
const { hostname, port } = new URL(ecr.endpoint);

const front = createServer({ cert: read('ecr.crt'), key: read('ecr.key') }, (incoming, outgoing) => {
  const { method, url, headers } = incoming;
  const forwarded = request({
    hostname,
    port,
    method,
    path: url,
    headers: { ...headers, 'x-forwarded-proto': 'https' },
  });
  forwarded.on('response', (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  forwarded.on('error', () => outgoing.destroy());
  incoming.pipe(forwarded);
});
front.listen(443, address, () => write('endpoint', ecr.endpoint));

process.once('SIGTERM', () => {
  write('requests.json', JSON.stringify(ecr.requests));
  process.exit(0);
});

/** Whoever waits for the file gets all of it. */
function write(name: string, text: string): void {
  const file = join(folder, 'ecr', name);
  writeFileSync(`${file}.partial`, text);
  renameSync(`${file}.partial`, file);
}
