import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Authorizer } from '../../auth/authorizer.ts';
import type { AccessRefusal } from '../../auth/refusal.ts';
import { AirgapError } from '../../base/errors.ts';
import type { AirgapEvent, Emit } from '../../base/events.ts';
import { openOnly } from '../../base/own-file.ts';
import { openRandomFile, type RandomFile } from '../../bundle/files/random-file.ts';
import { fetchBlob } from '../../bundle/writing/fetch-blob.ts';
import { createTransport } from '../../http/transport.ts';
import { createRegistryClient, type RegistryClient } from '../../registry/client.ts';
import {
  type FetchJob,
  type FromThread,
  type Question,
  receivedError,
  sentError,
  type ThreadSettings,
  type ToThread,
} from './protocol.ts';

/** Bytes between progress messages to the main thread; a message for every chunk would be too expensive. */
const NEWS = 1024 * 1024;

/** Worker that fetches blobs over its own connections, hashes them, and writes them at their offsets. */
class FetchThread {
  readonly #port: MessagePort;
  readonly #client: RegistryClient;
  readonly #files = new Map<string, Promise<RandomFile>>();
  readonly #abort = new AbortController();
  readonly #questions = new Map<number, PromiseWithResolvers<string | AccessRefusal | undefined>>();
  #asked = 0;
  /** Number of blobs being fetched, all of them large. */
  #count = 0;

  constructor(port: MessagePort, { env, mirrors, plainHttp, caFile, clientCertificates = [] }: ThreadSettings) {
    this.#port = port;
    const emit = (event: AirgapEvent): void => this.#send({ type: 'event', event });
    const trust = { clientCertificates, ...(caFile === undefined ? {} : { caFile }) };
    const transport = createTransport({ env, plainHttp, emit, ...trust });
    const authorizer: Authorizer = {
      authorization: (access) => this.#ask({ access }) as Promise<string | undefined>,
      renew: (access, challenge, sent) =>
        this.#ask({ access, refused: { challenge, sent } }) as Promise<string | undefined>,
      explain: (access, refused) => this.#ask({ access, explain: refused }) as Promise<AccessRefusal>,
    };
    this.#client = createRegistryClient({ authorizer, transport, mirrors });
    port.on('message', (message: ToThread) => this.#receive(message));
  }

  #send(message: FromThread): void {
    this.#port.postMessage(message);
  }

  #ask(question: Omit<Question, 'question'>): Promise<string | AccessRefusal | undefined> {
    const asked = Promise.withResolvers<string | AccessRefusal | undefined>();
    this.#questions.set(++this.#asked, asked);
    this.#send({ type: 'question', question: this.#asked, ...question });
    return asked.promise;
  }

  #receive(message: ToThread): void {
    if (message.type === 'fetch') void this.#fetch(message);
    else if (message.type === 'abort') {
      this.#abort.abort(new AirgapError('interrupted', 'interrupted'));
    } else {
      const asked = this.#questions.get(message.question);
      this.#questions.delete(message.question);
      if (message.type === 'answer') asked?.resolve(message.header);
      else if (message.type === 'explanation') asked?.resolve(message.refusal);
      else asked?.reject(receivedError(message.error));
    }
  }

  async #fetch({ job, node, places, offset, have }: FetchJob): Promise<void> {
    let unsaid = 0;
    const tell = (): void => {
      if (unsaid > 0) this.#send({ type: 'event', event: { type: 'bytes', bytes: unsaid } });
      unsaid = 0;
    };
    const emit: Emit = (event) => {
      if (event.type !== 'bytes') return this.#send({ type: 'event', event });
      unsaid += event.bytes;
      if (unsaid >= NEWS) tell();
    };
    this.#count++;
    try {
      const fetched = await fetchBlob(node, offset, have, {
        file: await this.#open(places),
        source: this.#client,
        emit,
        signal: this.#abort.signal,
        isAlone: () => this.#count === 1,
        checkpoint: async (digest, bytes) => this.#send({ type: 'checkpoint', job, digest, bytes }),
      });
      tell();
      this.#send({ type: 'done', job, fetched });
    } catch (error) {
      tell();
      this.#send({ type: 'failed', job, error: sentError(error) });
    } finally {
      this.#count--;
    }
  }

  #open(places: FetchJob['places']): Promise<RandomFile> {
    const [key = ''] = places.paths;
    const open = this.#files.get(key) ?? openRandomFile(places, (path) => openOnly(path, 'r+'));
    this.#files.set(key, open);
    return open;
  }
}

if (parentPort !== null) new FetchThread(parentPort, workerData as ThreadSettings);
