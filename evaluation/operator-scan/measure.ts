/**
 * Scans one image of a registry and prints the findings and their cost as JSON. Runs as a child process, so that only the
 * scan's memory is measured: measure.ts HOST IMAGE.
 */
import { writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { confirmInRegistry } from '../../src/operator-scan/image/confirm.ts';
import { publishersOf } from '../../src/operator-scan/image/image-names.ts';
import { scanImage } from '../../src/operator-scan/image/scan-image.ts';
import { imageParts, summarizeConfig } from '../../src/operator-scan/operator-image.ts';
import { connect } from '../../src/session/connect.ts';
import { peakMemory } from '../cost.ts';
import { published } from './published.ts';
import type { Measured } from './score.ts';

/** Splits bytes into chunks, as a socket delivers them. */
function chunksOf(bytes: Buffer): Buffer[] {
  const size = 64 * 1024;
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

/** Memory after garbage collection. */
async function memoryAtRest(): Promise<NodeJS.MemoryUsage> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await setTimeout(50);
  }
  return process.memoryUsage();
}

const [host = '', name = ''] = process.argv.slice(2);
const image = parseReference(name);
const mirrors = [{ from: image.registry, to: host }];
const context = { env: {}, cwd: '.', emit: () => {} };
const { client } = connect(context, { mirrors, plainHttp: [host] });
const parts = await imageParts(client, image);
if (parts === undefined) throw new Error(`${name} has no image for linux/amd64`);
const read = async (blob: Descriptor): Promise<Buffer> =>
  Buffer.concat(await (await client.blob(image, blob).open(0)).toArray());
const { commandWords } = summarizeConfig(await read(parts.config));
// Layers are read before: the cost of the download is not measured.
const layers = await Promise.all(parts.layers.map(async (blob) => ({ digest: blob.digest, bytes: await read(blob) })));
await client.close();
const opened = layers.map(({ digest, bytes }) => ({ digest, open: async () => Readable.from(chunksOf(bytes)) }));
const before = await memoryAtRest();
// Resets the peak of this process (proc(5), clear_refs).
writeFileSync('/proc/self/clear_refs', '5');
const [started, cpu] = [performance.now(), process.cpuUsage()];
const findings = await scanImage(opened, { image, publishers: new Set(publishersOf(image)), commandWords });
const seconds = (performance.now() - started) / 1000;
const used = process.cpuUsage(cpu);
const peak = peakMemory(process.pid) - before.rss;
const after = await memoryAtRest();
const confirmed = await confirmInRegistry(findings, { checkExistence: published, concurrency: 4 });
const measured: Measured = {
  candidates: confirmed.candidates,
  requests: confirmed.checkedCount,
  programBytes: findings.programBytes,
  textBytes: findings.textBytes,
  seconds,
  peak,
  cpu: (used.user + used.system) / 1e6,
  held: after.arrayBuffers + after.heapUsed - before.arrayBuffers - before.heapUsed,
};
process.stdout.write(JSON.stringify(measured));
