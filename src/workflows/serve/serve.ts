import { saveMemory } from '../../base/large-runs.ts';
import type { Target } from '../../naming/naming.ts';
import type { Logins } from '../../serve/htpasswd.ts';
import { formatAddress, type ListenAddress } from '../../serve/listen-address.ts';
import { Registry } from '../../serve/registry.ts';
import { type ServerCertificate, startServer } from '../../serve/server.ts';
import type { Context } from '../../session/context.ts';
import { type LoadOptions, loadBundles, loadedTarget } from '../push/loaded-bundles.ts';
import { SELECT_ALL } from '../push/selection.ts';
import { watchBundles } from './bundle-watch.ts';
import { servedContent } from './served-content.ts';

export interface ServeOptions extends Pick<LoadOptions, 'files' | 'as' | 'signers' | 'concurrency'> {
  /** Names of repositories. Its registry is only named in errors. */
  readonly target: Target;
  readonly listen: ListenAddress;
  /** HTTP without it. */
  readonly tls?: ServerCertificate | undefined;
  /** Everybody may read without it. */
  readonly logins?: Logins | undefined;
}

/** A registry that listens. */
export interface Serving {
  /** `IP:PORT` that it listens on. */
  readonly address: string;
  readonly url: string;
  /** Path before all repositories; empty without one. */
  readonly prefix: string;
  readonly naming: string;
  readonly tls: boolean;
  /** A user and a password are needed. */
  readonly login: boolean;
  readonly repositories: number;
  readonly tags: number;
  readonly blobs: number;
  /** Bytes of these blobs, each counted once. */
  readonly bytes: number;
  /** Served bundles. Sizes in bytes. */
  readonly bundles: readonly { readonly path: string; readonly size: number; readonly inventoryDigest?: string }[];
}

/** Milliseconds in which running answers may end after an interrupt. */
export const DRAIN_TIME = 10_000;

/**
 * Serves bundles as a read-only registry until the context is interrupted.
 * @param onListening called when requests are answered
 * @throws AirgapError of opening bundles and of their names, as a push does; `listen`; `file` if a bundle changes or
 *   cannot be read any more
 */
export async function serve(
  context: Context,
  { target, listen, tls, logins, ...options }: ServeOptions,
  onListening: (serving: Serving) => Promise<void>,
): Promise<void> {
  const { emit, signal } = context;
  const loaded = await loadBundles(context, { ...options, selection: SELECT_ALL });
  const ended = new AbortController();
  try {
    const content = servedContent(loaded.graph, loadedTarget(loaded, target), loaded.bundles);
    // After the manifests, of which much is garbage now.
    saveMemory();
    const { promise: failure, reject: fail } = Promise.withResolvers<never>();
    failure.catch(() => {});
    const server = await startServer(listen, {
      registry: new Registry(content),
      tls,
      logins,
      onRequest: (request) => emit({ type: 'request', ...request }),
      onFailure: fail,
    });
    let grace = 0;
    try {
      await watchBundles(loaded.bundles, ended.signal, fail);
      const address = formatAddress(server.address);
      emit({ type: 'listening', address });
      const blobs = new Map([...content.values()].flatMap((repository) => [...repository.blobs]));
      await onListening({
        address,
        url: `${tls === undefined ? 'http' : 'https'}://${address}`,
        prefix: target.prefix,
        naming: target.naming,
        tls: tls !== undefined,
        login: logins !== undefined,
        repositories: content.size,
        tags: [...content.values()].reduce((sum, { tags }) => sum + tags.size, 0),
        blobs: blobs.size,
        bytes: [...blobs.values()].reduce((sum, { size }) => sum + size, 0),
        bundles: loaded.bundles.map(({ path, size, inventoryDigest }) => ({ path, size, inventoryDigest })),
      });
      await Promise.race([failure, interrupted(signal)]);
      grace = DRAIN_TIME;
    } finally {
      ended.abort();
      await server.stop(grace);
    }
  } finally {
    ended.abort();
    await loaded.close();
  }
}

/** Waits for the interrupt. */
function interrupted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve();
    else signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}
