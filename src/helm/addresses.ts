import { AirgapError } from '../base/errors.ts';
import { isName } from '../base/names.ts';
import { quoted } from '../base/printable.ts';
import { before } from '../base/text-ends.ts';

const PORTS: Readonly<Record<string, string>> = { http: '80', https: '443', oci: '443' };

/** An address that every reader reads alike: no user information, no escapes, no other scheme. */
const PLAIN = /^(https?|oci):\/\/([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?(?=\/|$)/i;

/** `host:port` of an address with a scheme, in small letters; undefined for one that is not plain. */
export function hostOf(address: string): string | undefined {
  const [, scheme = '', host, port] = PLAIN.exec(address) ?? [];
  if (host === undefined) return undefined;
  return `${bare(host)}:${port ?? PORTS[scheme.toLowerCase()]}`;
}

function bare(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

/** The hosts of what a user wrote: addresses with a scheme, or `host[:port][/path]`, which is both ports when it has none. */
export function namedHosts(texts: readonly string[]): Set<string> {
  return new Set(
    texts.flatMap((text) => {
      if (text.includes('://')) return hostOf(text.replace(/:\/\/[^/?#]*@/, '://')) ?? [];
      const host = bare(before(text, '/'));
      if (host === '' || host === '*') return [];
      return /:\d+$/.test(host) ? [host] : [`${host}:443`, `${host}:80`];
    }),
  );
}

/**
 * Reads `HOST[:PORT]`.
 * @throws AirgapError `usage`
 */
export function parseAllowedHost(text: string): string {
  if (isName('registry', text)) return text;
  throw new AirgapError('usage', `--allow-chart-host ${quoted(text)} is no host`, {
    hint: 'write HOST or HOST:PORT, as in charts.corp.example or 10.0.0.5:8080',
  });
}
