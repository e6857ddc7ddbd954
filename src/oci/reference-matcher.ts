import { wildcard } from '../base/wildcard.ts';
import { formatReference, formatRepository, tryParseReference } from './reference.ts';

/**
 * Returns a test for full references. `*` matches anything. A short name is expanded as by Docker (`nginx` is
 * `docker.io/library/nginx`). Without tag and digest it matches every tag, without digest every digest.
 */
export function referenceMatcher(text: string): (reference: string) => boolean {
  const parsed = text.includes('*') ? undefined : tryParseReference(text);
  if (parsed === undefined) {
    const glob = wildcard(text);
    return (reference) => glob.test(reference) || glob.test(reference.replace(/^docker\.io\/(?:library\/)?/, ''));
  }
  const isTagged = /[:@]/.test(text.slice(text.lastIndexOf('/') + 1));
  const name = isTagged ? formatReference(parsed) : formatRepository(parsed);
  return (reference) =>
    reference === name || reference.startsWith(`${name}@`) || (!isTagged && reference.startsWith(`${name}:`));
}
