import type { RegistryHosts } from './hosts.ts';

/** What a text is searched for. */
export interface SearchedNames {
  readonly hosts: RegistryHosts;
  /** Images found, in the short form without the default registry: `acme/app`, `busybox:1.36`. */
  readonly shortNames: readonly string[];
  /** Reports whether a name is the target's. */
  readonly isPrivate: (name: string) => boolean;
}

/** Offsets of a name in a text. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A digest, or a version after a colon: what ends the name of an image, whatever its host is. */
const VERSION = /@sha256:[0-9a-f]{64}|:v?\d+\.\d+[\w.-]*/g;
const MAY_END_IMAGE = /@sha256:|[\w-]:v?\d+\.\d/;
/** A host with an optional port, and a path, or a path alone; without tag or digest. */
const NAME = /^(?:[\w-][\w.-]*(?::\d+)?\/)?[a-z0-9][\w.-]*(?:\/[\w.-]+)*$/;
/** Port, path, tag and digest after a host. */
const REST = /(?::\d+(?![\w.-]))?(?:\/[\w./+-]*)?(?::\w[\w.-]*)?(?:@sha256:[0-9a-f]{64})?/y;

/** Fast test of a text before {@link namesIn}. */
export function mayContainName(text: string, { hosts, shortNames }: SearchedNames): boolean {
  return (
    hosts.search.test(text) || MAY_END_IMAGE.test(text) || shortNames.some((shortName) => text.includes(shortName))
  );
}

/** Returns the public names in a text, in their order: with the host of a registry, with a version or digest, and those of images found. */
export function namesIn(text: string, names: SearchedNames): Range[] {
  const ranges = [...namesWithHost(text, names), ...namesWithVersion(text), ...shortNamesIn(text, names)];
  const found: Range[] = [];
  for (const range of ranges.sort((a, b) => a.start - b.start || b.end - a.end)) {
    const isPart = range.start < (found.at(-1)?.end ?? 0);
    if (!isPart) found.push(range);
  }
  return found.filter(({ start, end }) => !names.isPrivate(text.slice(start, end)));
}

function namesWithHost(text: string, { hosts }: SearchedNames): Range[] {
  const found: Range[] = [];
  let last = 0;
  for (const { 0: literal, index } of text.matchAll(hosts.search)) {
    if (index < last) continue;
    const start = startOfName(text, index, /[A-Za-z0-9.-]/, last);
    let end = index + literal.length;
    while (/[A-Za-z0-9.-]/.test(text[end] ?? '')) end += 1;
    while (/[.-]/.test(text[end - 1] ?? '')) end -= 1;
    last = end;
    if (!hosts.has(text.slice(start, end)) || isEndOfPath(text, start)) continue;
    last = endOfName(text, end);
    found.push({ start, end: last });
  }
  return found;
}

function namesWithVersion(text: string): Range[] {
  return [...text.matchAll(VERSION)].flatMap(({ 0: version, index }) => {
    const start = startOfName(text, index, /[\w./:-]/, 0);
    const name = text.slice(start, index);
    // One word and a version may be anything: `kubernetes:1.30`.
    const isImage = NAME.test(name) && (version.startsWith('@') || name.includes('/')) && !isEndOfPath(text, start);
    return isImage ? [{ start, end: endOfName(text, index) }] : [];
  });
}

function shortNamesIn(text: string, { shortNames }: SearchedNames): Range[] {
  return shortNames.flatMap((shortName) => {
    const found: Range[] = [];
    for (let start = text.indexOf(shortName); start >= 0; start = text.indexOf(shortName, start + 1)) {
      const end = start + shortName.length;
      const isWhole = !/[\w./@:-]/.test(text[start - 1] ?? '') && !/^(?:[\w/-]|\.\w)/.test(text.slice(end, end + 2));
      if (isWhole) found.push({ start, end: endOfName(text, end) });
    }
    return found;
  });
}

/** Returns where a name begins whose character at `from` is known. Punctuation does not begin a name. */
function startOfName(text: string, from: number, character: RegExp, limit: number): number {
  let start = from;
  while (start > limit && character.test(text[start - 1] as string)) start -= 1;
  const scheme = text.lastIndexOf('://', from);
  if (scheme >= start) start = scheme + '://'.length;
  while (/[./:-]/.test(text[start] ?? '')) start += 1;
  return start;
}

/** Reports whether a name continues a longer one: a path below another host, or of files. */
function isEndOfPath(text: string, start: number): boolean {
  return text[start - 1] === '/' && text[start - 2] !== '/';
}

/** Returns where a name ends whose host or repository ends at `from`. Punctuation does not end a name. */
function endOfName(text: string, from: number): number {
  REST.lastIndex = from;
  let end = from + (REST.exec(text)?.[0].length ?? 0);
  while (end > from && /[./:+-]/.test(text[end - 1] as string)) end -= 1;
  return end;
}
