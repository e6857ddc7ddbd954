import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Authorizer } from '../../auth/authorizer.ts';
import type { AccessRefusal } from '../../auth/refusal.ts';
import { AirgapError } from '../../base/errors.ts';
import type { AirgapEvent, Emit } from '../../base/events.ts';
import { openRegularFile } from '../../base/own-file.ts';
import { openRandomFile, type RandomFile } from '../../bundle/files/random-file.ts';
import { fetchBlob } from '../../bundle/writing/fetch-blob.ts';
import { createTransport } from '../../http/transport.ts';
import { createRegistryClient, type RegistryClient } from '../../registry/client.ts';
import {
  type AuthorizationRequest,
  deserializeError,
  type FetchJob,
  type FromThread,
  serializeError,
  type ThreadSettings,
  type ToThread,
} from './fetch-protocol.ts';

/** Bytes between progress messages to the main thread; a message for every chunk would be too expensive. */
const REPORT_INTERVAL = 1024 * 1024;

/** Worker that fetches blobs over its own connections, hashes them, and writes them at their offsets. */
class FetchWorker {
  readonly #port: MessagePort;
  readonly #client: RegistryClient;
  readonly #files = new Map<string, Promise<RandomFile>>();
  readonly #abort = new AbortController();
  readonly #questions = new Map<number, PromiseWithResolvers<string | AccessRefusal | undefined>>();
  #lastQuestion = 0;
  /** Number of blobs being fetched, all of them large. */
  #active = 0;

  constructor(port: MessagePort, { env, mirrors, plainHttp, caFile, clientCertificates = [] }: ThreadSettings) {
    this.#port = port;
    const emit = (event: AirgapEvent): void => this.#send({ type: 'event', event });
    const trust = { clientCertificates, caFile };
    const transport = createTransport({ env, plainHttp, emit, ...trust });
    const authorizer: Authorizer = {
      authorization: (access) => this.#request({ access }) as Promise<string | undefined>,
      renew: (access, challenge, sent) =>
        this.#request({ access, refused: { challenge, sent } }) as Promise<string | undefined>,
      explain: (access, refused) => this.#request({ access, explain: refused }) as Promise<AccessRefusal>,
    };
    // The main thread reports the warnings of registries.
    this.#client = createRegistryClient({ authorizer, transport, mirrors, emitServed: emit });
    port.on('message', (message: ToThread) => this.#receive(message));
  }

  #send(message: FromThread): void {
    this.#port.postMessage(message);
  }

  #request(question: Omit<AuthorizationRequest, 'question'>): Promise<string | AccessRefusal | undefined> {
    const pending = Promise.withResolvers<string | AccessRefusal | undefined>();
    this.#questions.set(++this.#lastQuestion, pending);
    this.#send({ type: 'question', question: this.#lastQuestion, ...question });
    return pending.promise;
  }

  #receive(message: ToThread): void {
    if (message.type === 'fetch') void this.#fetch(message);
    else if (message.type === 'abort') {
      this.#abort.abort(new AirgapError('interrupted', 'interrupted'));
    } else {
      const pending = this.#questions.get(message.question);
      this.#questions.delete(message.question);
      if (message.type === 'answer') pending?.resolve(message.header);
      else if (message.type === 'explanation') pending?.resolve(message.refusal);
      else pending?.reject(deserializeError(message.error));
    }
  }

  async #fetch({ job, node, parts, offset, written, expected }: FetchJob): Promise<void> {
    for (const { named, actual } of expected) this.#client.expectAt(named, node.descriptor.digest, actual);
    let unreported = 0;
    const flush = (): void => {
      if (unreported > 0)
        this.#send({ type: 'event', event: { type: 'bytes', bytes: unreported, digest: node.descriptor.digest } });
      unreported = 0;
    };
    const emit: Emit = (event) => {
      if (event.type !== 'bytes') return this.#send({ type: 'event', event });
      unreported += event.bytes;
      if (unreported >= REPORT_INTERVAL) flush();
    };
    this.#active++;
    try {
      const fetched = await fetchBlob(node, offset, written, {
        file: await this.#open(parts),
        source: this.#client,
        emit,
        signal: this.#abort.signal,
        isAlone: () => this.#active === 1,
        checkpoint: async (digest, bytes) => this.#send({ type: 'checkpoint', job, digest, bytes }),
      });
      flush();
      this.#send({ type: 'done', job, fetched });
    } catch (error) {
      flush();
      this.#send({ type: 'failed', job, error: serializeError(error) });
    } finally {
      this.#active--;
    }
  }

  #open(parts: FetchJob['parts']): Promise<RandomFile> {
    const [key = ''] = parts.paths;
    const open = this.#files.get(key) ?? openRandomFile(parts, (path) => openRegularFile(path, 'r+'));
    this.#files.set(key, open);
    return open;
  }
}

if (parentPort !== null) new FetchWorker(parentPort, workerData as ThreadSettings);
