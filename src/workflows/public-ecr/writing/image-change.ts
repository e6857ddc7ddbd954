import { applyEdits } from '../../../base/text-edits.ts';
import type { Change } from '../../../value-tracing/changes.ts';
import { nameEdits } from './image-names.ts';

/** Reports whether a difference is the names of moved images, or the checksum of a text that has some. */
export function isImageChange({ path, before, after }: Change, moved: ReadonlyMap<string, string>): boolean {
  if (typeof before !== 'string' || typeof after !== 'string') return false;
  if (withNewNames(before, moved) === withNewNames(after, moved)) return true;
  const [old, changed] = [plainOf(before), plainOf(after)];
  if (old !== undefined && changed !== undefined && withNewNames(old, moved) === withNewNames(changed, moved))
    return true;
  const isChecksum = (text: string): boolean => /^[0-9a-f]{32,128}$/.test(text);
  return /checksum|hash|sha\d/i.test(String(path.at(-1))) && isChecksum(before) && isChecksum(after);
}

/** All names of moved images count as moved: a template may name an image in other ways too. */
function withNewNames(text: string, moved: ReadonlyMap<string, string>): string {
  return applyEdits(text, nameEdits(text, { moved, staying: new Set() }, 'changing').edits);
}

/** Returns the text that a base64 text encodes; undefined if it is none. */
function plainOf(text: string): string | undefined {
  const bytes = Buffer.from(text, 'base64');
  return text.length > 0 && bytes.toString('base64') === text ? bytes.toString('utf8') : undefined;
}
