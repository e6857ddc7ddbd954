import { chainKeychains, type Keychain } from '../../src/auth/keychain.ts';
import type { Emit } from '../../src/base/events.ts';
import { createTransport } from '../../src/http/transport.ts';
import { createRegistryClient, type RegistryClient, type RegistryOptions } from '../../src/registry/client.ts';
import type { Mirror } from '../../src/registry/routes.ts';

export interface ClientSetUp {
  readonly keychain?: Keychain;
  readonly mirrors?: readonly Mirror[];
  readonly equivalentOf?: RegistryOptions['equivalentOf'];
  readonly emit?: Emit;
  readonly caFile?: string;
  readonly isPushTarget?: boolean;
}

/** Creates a client that uses plain HTTP for the given hosts, with short retry delays. */
export function clientFor(
  plainHttp: readonly string[],
  { keychain, mirrors, equivalentOf, emit, caFile, isPushTarget }: ClientSetUp = {},
): RegistryClient {
  const transport = createTransport({
    plainHttp,
    retry: { baseDelay: 1, maxDelay: 2, attempts: 3 },
    ...(emit === undefined ? {} : { emit }),
    ...(caFile === undefined ? {} : { caFile }),
  });
  return createRegistryClient({
    transport,
    keychain: keychain ?? chainKeychains(),
    ...(isPushTarget === undefined ? {} : { isPushTarget }),
    emit: (event) => (event.type === 'warning' || event.type === 'served') && emit?.(event),
    ...(mirrors === undefined ? {} : { mirrors }),
    equivalentOf,
  });
}
