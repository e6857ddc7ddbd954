import { constants, getPriority, platform, setPriority } from 'node:os';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { messageOf } from '../base/errors.ts';
import { openRandomFile, type RandomFile } from '../bundle/files/random-file.ts';
import { FileBody } from '../bundle/files/ranges.ts';
import type { WrittenBlob } from '../bundle/write.ts';
import { parseReference } from '../oci/reference.ts';
import { type ImageFindings, scanImage } from './image/scan-image.ts';
import { MAX_CONFIG_BYTES, summarizeConfig } from './operator-image.ts';
import type { ScanJob, ScanMessage } from './scan-thread.ts';

/** Milliseconds between heartbeats. */
const HEARTBEAT_INTERVAL = 1000;
/** Niceness relative to the downloads. Only Linux has priorities per thread. */
const NICENESS = 10;

/** Worker thread that decompresses and scans layers in files, so that downloads on the main thread do not wait. */
class ScanWorker {
  readonly #port: MessagePort;
  readonly #files = new Map<string, Promise<RandomFile>>();

  constructor(port: MessagePort) {
    this.#port = port;
    lowerPriority();
    port.on('message', (job: ScanJob) => void this.#run(job));
  }

  #send(message: ScanMessage): void {
    this.#port.postMessage(message);
  }

  async #run(job: ScanJob): Promise<void> {
    const heartbeat = setInterval(() => this.#send({ type: 'alive' }), HEARTBEAT_INTERVAL);
    try {
      this.#send({ type: 'found', findings: await this.#scan(job) });
    } catch (error) {
      this.#send({ type: 'failed', reason: messageOf(error) });
    } finally {
      clearInterval(heartbeat);
    }
  }

  async #scan({
    image,
    publishers,
    manifestWords,
    config,
    layers,
    isPlatformKnown,
  }: ScanJob): Promise<ImageFindings | undefined> {
    const { isOtherArchitecture, commandWords } = summarizeConfig(await this.#readConfig(config));
    if (isOtherArchitecture && !isPlatformKnown) return undefined;
    const layerSources = layers.map((layer) => ({
      digest: layer.digest,
      open: async () => new FileBody(await this.#open(layer), layer.offset, layer.size, undefined),
    }));
    return scanImage(layerSources, {
      image: parseReference(image),
      publishers: new Set(publishers),
      commandWords: [...commandWords, ...manifestWords],
      onFile: (file) => this.#send({ type: 'alive', file }),
    });
  }

  async #readConfig(config: ScanJob['config']): Promise<Uint8Array> {
    if (config === undefined || config instanceof Uint8Array) return config ?? new Uint8Array();
    if (config.size > MAX_CONFIG_BYTES) return new Uint8Array();
    const bytes = new Uint8Array(config.size);
    (await this.#open(config)).readSync(bytes, config.offset);
    return bytes;
  }

  #open({ files }: WrittenBlob): Promise<RandomFile> {
    const key = files.map(({ paths: [path] }) => path).join('\n');
    const known = this.#files.get(key);
    if (known !== undefined) return known;
    const open = openFirst(files);
    this.#files.set(key, open);
    // The file may just have been renamed, so the next call tries again.
    open.catch(() => this.#files.delete(key));
    return open;
  }
}

function lowerPriority(): void {
  if (platform() !== 'linux') return;
  try {
    setPriority(0, Math.min(constants.priority.PRIORITY_LOW, getPriority(0) + NICENESS));
  } catch {
    // A sandbox may refuse this; the scan then runs at normal priority.
  }
}

/** Opens a file by the first name that exists: the file may be renamed before it is opened. */
async function openFirst([first, ...others]: WrittenBlob['files']): Promise<RandomFile> {
  if (first === undefined) throw new Error('the blob has no file');
  return openRandomFile(first, 'r').catch((error) => {
    if (others.length === 0) throw error;
    return openFirst(others);
  });
}

if (parentPort !== null) new ScanWorker(parentPort);
