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

/** Milliseconds between heartbeats. */
const SIGN = 1000;
/** Niceness relative to the downloads. Only Linux has priorities per thread. */
const NICE = 10;

/** Worker thread that decompresses and scans layers in files, so that downloads on the main thread do not wait. */
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
    // The file may just have been renamed, so the next call tries again.
    open.catch(() => this.#files.delete(key));
    return open;
  }
}

function makeWay(): void {
  if (platform() !== 'linux') return;
  try {
    setPriority(0, Math.min(constants.priority.PRIORITY_LOW, getPriority(0) + NICE));
  } catch {
    // A sandbox may refuse this; the scan then runs at normal priority.
  }
}

/** Opens a file by the first name that exists: the file may be renamed before it is opened. */
async function openFirst([place, ...others]: PlacedBlob['places']): Promise<RandomFile> {
  if (place === undefined) throw new Error('the blob has no file');
  return openRandomFile(place, 'r').catch((error) => {
    if (others.length === 0) throw error;
    return openFirst(others);
  });
}

if (parentPort !== null) new ScanningThread(parentPort);
