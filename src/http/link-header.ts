import type { HttpResponse } from './exchange.ts';
import { resolveUrl } from './response-url.ts';

/**
 * Returns the address of the next page from the Link headers of a response (RFC 8288), which may be relative; undefined
 * without one.
 */
export function nextLink(response: HttpResponse): URL | undefined {
  const text = [response.headers.link ?? []].flat().join(', ');
  // No URL contains `<`, so each entry ends at the next one. Excluding it keeps the match linear.
  for (const [, target = '', parameters = ''] of text.matchAll(/<([^<>]*)>([^<>]*)/g)) {
    if (parameters.split(';').some(isNext)) return resolveUrl(target, response.url);
  }
  return undefined;
}

/** Reports whether a parameter is `rel="next"`. A value may name several relations, and is quoted or not. */
function isNext(parameter: string): boolean {
  const [name = '', value = ''] = parameter.split('=', 2).map((part) => part.trim().toLowerCase());
  return name === 'rel' && value.split(/[\s",]/).includes('next');
}
