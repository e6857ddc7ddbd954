import { count } from '../base/count.ts';
import { quoted } from '../base/printable.ts';
import { formatReference, tryParseReference } from '../oci/reference.ts';
import type { ListCollector } from './content.ts';
import { hasTagOrDigest } from './rows.ts';

/** Maximum number of references that are named one by one. */
const MAX_NAMED = 20;

/**
 * Names the references of a list that were not taken, such as those in a script's loops, commands and variables of one image,
 * or in fields that are not known: only those with host and tag or digest, because others may be paths. Comments and lines of
 * which something is named already are left out.
 */
export function leaveUnlisted(text: string, collector: ListCollector): void {
  const known = new Set(collector.images.map(({ reference }) => reference));
  const named = new Set(collector.notTaken.map(({ place }) => place.line));
  const others: { readonly word: string; readonly line: number }[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    if (named.has(i + 1)) continue;
    for (const word of line.replace(/(?:^|\s)#.*/, '').split(/[\s"'`=,;()<>|{}[\]]+/)) {
      const reference = fullReference(word);
      if (reference === undefined || known.has(reference)) continue;
      known.add(reference);
      others.push({ word, line: i + 1 });
    }
  }
  for (const { word, line } of others.slice(0, MAX_NAMED))
    collector.leave(line, `${quoted(word)}, which is in no list`);
  const [more] = others.slice(MAX_NAMED);
  if (more !== undefined)
    collector.leave(more.line, `${count(others.length - MAX_NAMED, 'further image')} from here on, in no list`);
}

function fullReference(word: string): string | undefined {
  const text = word.replace(/^docker:\/\//, '');
  if (text.length > 500 || !/^[^/]{1,255}[.:][^/]{1,255}\//.test(text) || !hasTagOrDigest(text)) return undefined;
  const reference = tryParseReference(text);
  return reference && formatReference(reference);
}
