/**
 * Returns the spellings under which a user may have configured the host of a URL: as in the URL, with the default port,
 * or without a port, which means every port.
 * @param host `host[:port]` in lower case
 */
export function hostSpellings(host: string, defaultPort: 80 | 443): readonly string[] {
  const name = host.replace(/:\d+$/, '');
  return name === host ? [host, `${host}:${defaultPort}`] : [host, name];
}

/** Reports whether `--plain-http` allows access without TLS to a host (with optional port). */
export function isPlainHttp(host: string, plainHttp: readonly string[]): boolean {
  const spellings = hostSpellings(host.toLowerCase(), 80);
  return plainHttp.some((entry) => spellings.includes(entry.toLowerCase()));
}
