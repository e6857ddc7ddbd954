import { textBefore } from '../base/text-trim.ts';
import { wildcard } from '../base/wildcard.ts';
import { formatReference, formatRepository, tryParseReference } from './reference.ts';

/**
 * Returns a test for full references. `*` matches anything. A short name is expanded as by Docker (`nginx` is
 * `docker.io/library/nginx`). Without tag and digest it matches every tag, without digest every digest.
 */
export function referenceMatcher(text: string): (reference: string) => boolean {
  const parsed = text.includes('*') ? undefined : tryParseReference(text);
  const isTagged = /[:@]/.test(text.slice(text.lastIndexOf('/') + 1));
  if (parsed === undefined) {
    const glob = wildcard(text);
    const matches = (name: string): boolean =>
      glob.test(name) || glob.test(name.replace(/^docker\.io\/(?:library\/)?/, ''));
    return (reference) => matches(reference) || (!isTagged && matches(repositoryOf(reference)));
  }
  const name = isTagged ? formatReference(parsed) : formatRepository(parsed);
  return (reference) =>
    reference === name || reference.startsWith(`${name}@`) || (!isTagged && reference.startsWith(`${name}:`));
}

/** Returns a reference without tag and digest. */
function repositoryOf(reference: string): string {
  const named = textBefore(reference, '@');
  const tag = named.indexOf(':', named.lastIndexOf('/') + 1);
  return tag < 0 ? named : named.slice(0, tag);
}
