import { AirgapError } from '../base/errors.ts';
import { hostSpellings } from './host-spellings.ts';

/** Whether a host (with optional port) may be spoken to without TLS. */
export type PlainHttp = (host: string) => boolean;

/**
 * Reads the hosts of `--plain-http`: `HOST` stands for every port of it, `HOST:PORT` for that port alone.
 * @throws AirgapError `config` when one is a URL or has a path
 */
export function plainHttpHosts(hosts: readonly string[]): PlainHttp {
  for (const host of hosts) {
    if (host === '' || /[/@\s]/.test(host)) {
      throw new AirgapError('config', `--plain-http ${host}: not a host`, { hint: 'write HOST or HOST:PORT' });
    }
  }
  const named = new Set(hosts.map((host) => host.toLowerCase()));
  return (host) => hostSpellings(host.toLowerCase(), 80).some((spelling) => named.has(spelling));
}
