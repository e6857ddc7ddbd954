/**
 * How people may have named the host of a URL: as it stands there, with the port that a URL leaves out, or without a port,
 * which stands for every port of it.
 * @param host `host[:port]` in lower case
 */
export function hostSpellings(host: string, usualPort: 80 | 443): readonly string[] {
  const name = host.replace(/:\d+$/, '');
  return name === host ? [host, `${host}:${usualPort}`] : [host, name];
}
