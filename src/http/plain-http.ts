import { AirgapError } from '../base/errors.ts';
import { hostSpellings } from './host-spellings.ts';

/** Reports whether a host (with optional port) may be accessed without TLS. */
export type PlainHttp = (host: string) => boolean;

/**
 * Parses the hosts of `--plain-http`: `HOST` for every port, `HOST:PORT` for that port only.
 * @throws AirgapError `config` for a URL or a host with a path
 */
export function plainHttpHosts(hosts: readonly string[]): PlainHttp {
  for (const host of hosts) {
    if (host === '' || /[/@\s]/.test(host)) {
      throw new AirgapError('config', `--plain-http ${host} is not a host`, { hint: 'write HOST or HOST:PORT' });
    }
  }
  const named = new Set(hosts.map((host) => host.toLowerCase()));
  return (host) => hostSpellings(host.toLowerCase(), 80).some((spelling) => named.has(spelling));
}
