import { BlockList, isIP } from 'node:net';
import type { Environment } from '../base/environment.ts';
import { AirgapError } from '../base/errors.ts';
import type { Connector } from './connector.ts';

/** Returns the proxy for a URL; undefined for a direct connection. */
export type ProxyResolver = (url: URL) => URL | undefined;

/**
 * Reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY (either case) as Go's golang.org/x/net/http/httpproxy does, so that this
 * tool and Helm use the same proxies. NO_PROXY supports names with their subdomains, `.suffix`, `host:port`, addresses,
 * CIDR ranges and `*`. Localhost and loopback addresses are always direct.
 * @throws AirgapError `config` for an unusable proxy URL
 */
export function proxyFromEnvironment(env: Environment): ProxyResolver {
  const read = (name: string): string => env[name] || env[name.toLowerCase()] || '';
  const proxies = { 'https:': parseProxy('HTTPS_PROXY', read), 'http:': parseProxy('HTTP_PROXY', read) };
  const isExempt = parseNoProxy(read('NO_PROXY'));
  return (url) => {
    const proxy = proxies[url.protocol as keyof typeof proxies];
    return proxy === undefined || isExempt(url) ? undefined : proxy;
  };
}

function parseProxy(name: string, read: (name: string) => string): URL | undefined {
  const text = read(name).trim();
  if (text === '') return undefined;
  const urlText = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(urlText) ? new URL(urlText) : undefined;
  if (url === undefined || !['http:', 'https:', 'socks5:'].includes(url.protocol)) {
    throw new AirgapError('config', `${name}=${urlText} is not a usable proxy URL`, {
      hint: `write ${name}=http://HOST:PORT`,
    });
  }
  return url;
}

function parseNoProxy(text: string): (url: URL) => boolean {
  const names: { readonly host: string; readonly suffixOnly: boolean; readonly port: string }[] = [];
  const ranges = new BlockList();
  ranges.addSubnet('127.0.0.0', 8, 'ipv4');
  ranges.addAddress('::1', 'ipv6');
  let matchesAll = false;
  for (const entry of text.split(',').map((part) => part.trim().toLowerCase())) {
    if (entry === '') continue;
    if (entry === '*') matchesAll = true;
    else if (!addRange(ranges, entry)) names.push(parseName(entry));
  }
  return (url) => {
    const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
    if (matchesAll || host === 'localhost') return true;
    const family = isIP(host);
    if (family !== 0 && ranges.check(host, family === 4 ? 'ipv4' : 'ipv6')) return true;
    const port = url.port || (url.protocol === 'https:' ? '443' : '80');
    return names.some(
      (name) =>
        (name.port === '' || name.port === port) &&
        ((!name.suffixOnly && host === name.host) || (family === 0 && host.endsWith(`.${name.host}`))),
    );
  };
}

/** Adds an address or a CIDR range; returns false when the entry is neither. */
function addRange(ranges: BlockList, entry: string): boolean {
  const [address = '', bits, ...extra] = entry.replace(/^\[|\]$/g, '').split('/');
  const family = isIP(address);
  if (family === 0 || extra.length > 0) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  if (bits === undefined) ranges.addAddress(address, type);
  else if (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)) {
    ranges.addSubnet(address, Number(bits), type);
  } else return false;
  return true;
}

function parseName(entry: string): { host: string; suffixOnly: boolean; port: string } {
  const [, name = entry, port = ''] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
  const host = name.replace(/^\*?\./, '').replace(/^\[|\]$/g, '');
  return { host, suffixOnly: host !== name.replace(/^\[|\]$/g, ''), port };
}

/** Thrown when the proxy itself cannot be reached. It says nothing about the host behind the proxy. */
export class ProxyError extends Error {
  readonly code = 'AIRGAP_PROXY';

  /** URL of the proxy. May contain credentials, so messages show its host only. */
  readonly proxy: URL;

  constructor(proxy: URL, cause: unknown) {
    super(`the proxy ${proxy.host} cannot be reached`, { cause });
    this.proxy = proxy;
  }
}

/** Wraps a connector to a proxy so that its failures are {@link ProxyError}s. */
export function markProxyErrors(connect: Connector, proxy: URL): Connector {
  return (options, callback) =>
    connect(options, (error, socket) => {
      if (error === null) callback(null, socket);
      else callback(new ProxyError(proxy, error), null);
    });
}
