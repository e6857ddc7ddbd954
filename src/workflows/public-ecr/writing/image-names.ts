import type { TextEdit } from '../../../base/text-edits.ts';
import {
  formatReference,
  formatRepository,
  parseReference,
  type Repository,
  tryParseReference,
} from '../../../oci/reference.ts';

/** Images that a chart names differently after the change. */
export interface ImageMoves {
  /** Equivalents by reference, both normalized. */
  readonly moved: ReadonlyMap<string, string>;
  /** Normalized references that the chart still names. */
  readonly staying: ReadonlySet<string>;
  /** Charts whose versions change, such as `app-1.2.3` in labels, with their new names. */
  readonly charts?: ReadonlyMap<string, string>;
}

/** Edits of a text that names images. */
export interface NameEdits {
  readonly edits: readonly TextEdit[];
  /** Names that may have moved and may have stayed. */
  readonly unclear: readonly string[];
}

/** Something that may be a reference; it does not begin or end with punctuation. */
const NAME = /[A-Za-z0-9](?:[\w./:@-]*\w)?/g;

/** What a text is: the name of an image; any text; a text that is known to change. */
export type TextKind = 'image' | 'text' | 'changing';

/** A tag that may be a port: `redis:6379` is an address. */
const PORT = /:\d{2,5}$/;

/**
 * Finds the names of moved images in a text. Other tags of a moved repository move too, since tests set tags. In any text, a name of
 * one word is taken only with the tag of a moved image.
 */
export function nameEdits(text: string, moves: ImageMoves, kind: TextKind): NameEdits {
  const found = [...text.matchAll(NAME)].flatMap(({ 0: name, index }) => {
    if (/[./@-]/.test(text[index - 1] ?? '')) return [];
    const chart = moves.charts?.get(name);
    if (chart !== undefined) return [{ name, start: index, renamed: chart }];
    const isWhole = kind === 'image' && name === text.trim();
    const isField = /image["']?[:=][ \t]*["']?$/i.test(text.slice(Math.max(index - 40, 0), index));
    const isName = name.includes('/') || isWhole || isField || kind === 'changing' || hasMovedTag(name, moves);
    if (!isName) return [];
    const renamed = newName(name, moves);
    return renamed === undefined ? [] : [{ name, start: index, renamed }];
  });
  return {
    edits: found.flatMap(({ name, start, renamed }) =>
      renamed === 'unclear' ? [] : [{ start, end: start + name.length, text: renamed }],
    ),
    unclear: found.flatMap(({ name, renamed }) => (renamed === 'unclear' ? [name] : [])),
  };
}

function hasMovedTag(name: string, { moved }: ImageMoves): boolean {
  const reference = name.includes(':') && !PORT.test(name) ? tryParseReference(name) : undefined;
  return reference !== undefined && moved.has(formatReference(reference));
}

/**
 * Finds the name of a moved image in a regular expression that is nothing but one reference, with `^`, `$` and escaped dots.
 * Others that have to do with such an image are unclear.
 */
export function patternEdits(pattern: string, moves: ImageMoves): NameEdits {
  const start = pattern.startsWith('^') ? 1 : 0;
  const end = pattern.length - (pattern.endsWith('$') && !pattern.endsWith('\\$') ? 1 : 0);
  const escaped = pattern.slice(start, end);
  const name = escaped.replace(/\\([./:@-])/g, '$1');
  const isPlain = !/[*+?()[\]{}|\\^$]/.test(name);
  const renamed = isPlain && name !== '' ? newName(name, moves) : undefined;
  if (renamed === undefined || renamed === 'unclear') {
    const parts = [...moves.moved.keys()].map((reference) => parseReference(reference));
    const isAbout = ({ registry, path }: Repository): boolean =>
      pattern.includes(path.split('/').at(-1) ?? '') || pattern.replaceAll('\\', '').includes(registry);
    return { edits: [], unclear: parts.some(isAbout) ? [pattern] : [] };
  }
  return { edits: [{ start, end, text: renamed.replaceAll('.', '\\.') }], unclear: [] };
}

/** Returns the new spelling of a name; undefined if it does not move. */
function newName(name: string, { moved, staying }: ImageMoves): string | 'unclear' | undefined {
  const reference = tryParseReference(name);
  if (reference === undefined) return undefined;
  const repository = formatRepository(reference);
  const isSameRepository = (other: string): boolean => formatRepository(parseReference(other)) === repository;
  const [, equivalent] = [...moved].find(([from]) => isSameRepository(from)) ?? [];
  if (equivalent === undefined) return undefined;
  const full = [...moved.keys()].find((from) => isSameReference(from, reference));
  const stays = [...staying].filter(isSameRepository);
  const isStaying = stays.some((other) => isSameReference(other, reference));
  if (full === undefined && isStaying) return undefined;
  if (isStaying || (full === undefined && stays.length > 0)) return 'unclear';
  const to = formatRepository(parseReference(full === undefined ? equivalent : (moved.get(full) ?? equivalent)));
  return to + suffixOf(name);
}

function isSameReference(text: string, { registry, path, tag, digest }: ReturnType<typeof parseReference>): boolean {
  const other = parseReference(text);
  return other.registry === registry && other.path === path && other.tag === tag && other.digest === digest;
}

/** Returns the tag and digest of a name as written. */
function suffixOf(name: string): string {
  const at = name.indexOf('@');
  const end = at < 0 ? name.length : at;
  const colon = name.lastIndexOf(':', end - 1);
  return name.slice(colon > name.lastIndexOf('/', end) ? colon : end);
}
