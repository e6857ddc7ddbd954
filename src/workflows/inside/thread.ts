import { constants, getPriority, platform, setPriority } from 'node:os';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { messageOf } from '../../base/errors.ts';
import { openRandomFile, type RandomFile } from '../../bundle/files/random-file.ts';
import { FileBody } from '../../bundle/reading/file-body.ts';
import type { PlacedBlob } from '../../bundle/write.ts';
import { type ImageFindings, scanImage } from '../../inside/image.ts';
import { parseReference } from '../../oci/reference.ts';
import { configWords, LARGEST_CONFIG } from './operator-image.ts';
import type { FromScan, ScanJob } from './scan-job.ts';

/** Milliseconds between two signs of life. */
const SIGN = 1000;
/** So much below what downloads: on Linux a thread has a priority of its own, elsewhere it would be the whole program's. */
const NICE = 10;

/** A thread that scans images whose layers lie in a file: they are decompressed and read here, and nobody waits. */
class ScanningThread {
  readonly #port: MessagePort;
  readonly #files = new Map<string, Promise<RandomFile>>();

  constructor(port: MessagePort) {
    this.#port = port;
    makeWay();
    port.on('message', (job: ScanJob) => void this.#run(job));
  }

  #send(message: FromScan): void {
    this.#port.postMessage(message);
  }

  async #run(job: ScanJob): Promise<void> {
    const signs = setInterval(() => this.#send({ type: 'alive' }), SIGN);
    try {
      this.#send({ type: 'found', findings: await this.#scan(job) });
    } catch (error) {
      this.#send({ type: 'failed', reason: messageOf(error) });
    } finally {
      clearInterval(signs);
    }
  }

  async #scan({ image, makers, words, config, layers, isChosen }: ScanJob): Promise<ImageFindings | undefined> {
    const { isOther, programs } = configWords(await this.#readConfig(config));
    if (isOther && !isChosen) return undefined;
    const stored = layers.map((layer) => ({
      digest: layer.digest,
      open: async () => new FileBody(await this.#open(layer), layer.offset, layer.size, undefined),
    }));
    return scanImage(stored, {
      image: parseReference(image),
      makers: new Set(makers),
      programs: [...programs, ...words],
      begin: (file) => this.#send({ type: 'alive', file }),
    });
  }

  async #readConfig(config: ScanJob['config']): Promise<Uint8Array> {
    if (config === undefined || config instanceof Uint8Array) return config ?? new Uint8Array();
    if (config.size > LARGEST_CONFIG) return new Uint8Array();
    const bytes = new Uint8Array(config.size);
    (await this.#open(config)).readNow(bytes, config.offset);
    return bytes;
  }

  #open({ places }: PlacedBlob): Promise<RandomFile> {
    const key = places.map(({ paths: [path] }) => path).join('\n');
    const known = this.#files.get(key);
    if (known !== undefined) return known;
    const open = openFirst(places);
    this.#files.set(key, open);
    // Parts that were being renamed are there the next time.
    open.catch(() => this.#files.delete(key));
    return open;
  }
}

function makeWay(): void {
  if (platform() !== 'linux') return;
  try {
    setPriority(0, Math.min(constants.priority.PRIORITY_LOW, getPriority(0) + NICE));
  } catch {
    // A sandbox may refuse it; then it goes on as it is.
  }
}

/** Opens a file under the first of its names that it has: it may be renamed meanwhile, and once open that is all the same. */
async function openFirst([place, ...others]: PlacedBlob['places']): Promise<RandomFile> {
  if (place === undefined) throw new Error('it lies nowhere');
  return openRandomFile(place, 'r').catch((error) => {
    if (others.length === 0) throw error;
    return openFirst(others);
  });
}

if (parentPort !== null) new ScanningThread(parentPort);
