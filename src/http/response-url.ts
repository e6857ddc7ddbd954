/**
 * Resolves an address that a response gives: its Location or Link header, or the realm of its challenge.
 * @param base URL of the request, or origin
 * @returns undefined for text that is not a URL, and for a scheme other than http and https
 */
export function resolveUrl(text: string, base: URL | string): URL | undefined {
  const url = URL.parse(text, String(base));
  return url?.protocol === 'https:' || url?.protocol === 'http:' ? url : undefined;
}
