import { AirgapError } from '../base/errors.ts';
import { isName } from '../base/names.ts';
import { quoted } from '../base/printable.ts';
import { textBefore } from '../base/text-trim.ts';

const PORTS: Readonly<Record<string, string>> = { http: '80', https: '443', oci: '443' };

/** URL that all parsers read alike: no user information, no escapes, no other scheme. */
const PLAIN = /^(https?|oci):\/\/([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?(?=\/|$)/i;

/**
 * Reads `oci://HOST/PATH` with an optional tag or digest; undefined for other addresses. The path has neither of them,
 * and is empty for a registry.
 */
export function parseOciAddress(address: string): { readonly host: string; readonly path: string } | undefined {
  const [, host, path = ''] = /^oci:\/\/([^/]+)\/?([^:@]*)/.exec(address) ?? [];
  return host === undefined ? undefined : { host, path };
}

/** Returns `host:port` of a URL in lower case; undefined unless it has the plain form. */
export function hostPortOf(address: string): string | undefined {
  const [, scheme = '', host, port] = PLAIN.exec(address) ?? [];
  if (host === undefined) return undefined;
  return `${normalizedHost(host)}:${port ?? PORTS[scheme.toLowerCase()]}`;
}

function normalizedHost(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

/** Returns `host:port` of URLs and of `host[:port][/path]`. Without a port, both 443 and 80. */
export function hostPortsOf(texts: readonly string[]): Set<string> {
  return new Set(
    texts.flatMap((text) => {
      if (text.includes('://')) return hostPortOf(text.replace(/:\/\/[^/?#]*@/, '://')) ?? [];
      const host = normalizedHost(textBefore(text, '/'));
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
  throw new AirgapError('usage', `--allow-chart-host ${quoted(text)} is not a host`, {
    hint: 'write HOST or HOST:PORT, as in charts.corp.example or 10.0.0.5:8080',
  });
}

/** Splits the name of an archive without extension, such as `app-1.2.3`; the version is empty if there is none. */
export function nameOfArchive(file: string): { readonly name: string; readonly version: string } {
  const dash = file.search(/(?<=.)-v?\d+\./);
  return dash < 0 ? { name: file, version: '' } : { name: file.slice(0, dash), version: file.slice(dash + 1) };
}
