/**
 * Looks into one image of a registry and prints what was found, and what it cost, as JSON. A process of its own, so that
 * its memory is its own: measure.ts HOST IMAGE PROGRAM.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { confirm } from '../src/inside/confirm.ts';
import { scanImage } from '../src/inside/image.ts';
import { makersOf } from '../src/inside/names.ts';
import type { Descriptor } from '../src/oci/descriptor.ts';
import { parseReference } from '../src/oci/reference.ts';
import { configWords, imageParts } from '../src/workflows/inside/operator-image.ts';
import { connect } from '../src/workflows/registry.ts';
import { standIn } from './stand-in.ts';

/** As a socket gives them. */
function piecesOf(bytes: Buffer): Buffer[] {
  const size = 64 * 1024;
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

/** Memory with nothing left to be freed. */
async function atRest(): Promise<NodeJS.MemoryUsage> {
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
const { programs } = configWords(await read(parts.config));
// What a download costs is not what is measured: the layers are in memory before.
const layers = await Promise.all(parts.layers.map(async (blob) => ({ digest: blob.digest, bytes: await read(blob) })));
await client.close();
const opened = layers.map(({ digest, bytes }) => ({ digest, open: async () => Readable.from(piecesOf(bytes)) }));
const before = await atRest();
// The highest that this process has had so far is forgotten (proc(5), clear_refs).
writeFileSync('/proc/self/clear_refs', '5');
const [started, cpu] = [performance.now(), process.cpuUsage()];
const findings = await scanImage(opened, { image, makers: new Set(makersOf(image)), programs });
const seconds = (performance.now() - started) / 1000;
const used = process.cpuUsage(cpu);
const highest = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
const peak = Number(highest) * 1024 - before.rss;
const after = await atRest();
const { candidates, open, asked } = await confirm(findings, { ask: standIn, concurrency: 4 });
const { programBytes, textBytes, older, givenUp } = findings;
process.stdout.write(
  JSON.stringify({
    ...{ candidates, open, asked, programBytes, textBytes, older, givenUp, seconds, peak },
    cpu: (used.user + used.system) / 1e6,
    held: after.arrayBuffers + after.heapUsed - before.arrayBuffers - before.heapUsed,
  }),
);
