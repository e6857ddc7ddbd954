import type { Elf } from './elf.ts';

/** What the Go linker writes into a program of how it was built. */
export interface BuildInfo {
  /** Modules that the program takes from others; what lies in the operator's own repository has no version. */
  readonly others: ReadonlySet<string>;
  /** Variables that were set by the linker, `-X path.name=value`, by name; none when the build hides its paths. */
  readonly variables: ReadonlyMap<string, string>;
}

const MAGIC = Buffer.from('\xff Go buildinf:', 'latin1');
/** What Go writes as the version of a folder. */
const FOLDER = '(devel)';
/** Bytes of the module list; that of the largest operators has 60 kB. */
const LIMIT = 1024 * 1024;
const HEADER = 32;
const INLINE = 2;
const ALIGNED = 16;

/**
 * Reads the build information of a Go program of version 1.18 or newer (debug/buildinfo): strings with a length before
 * them, behind a header of 32 bytes.
 * @returns undefined when it is no Go program
 */
export function readBuildInfo({ bytes, data }: Elf): BuildInfo | undefined {
  for (const { offset, size } of data) {
    const region = bytes.subarray(offset, offset + size);
    // A program that reads build information holds the mark as a constant too, mostly at an odd place.
    for (let at = region.indexOf(MAGIC); at >= 0; at = region.indexOf(MAGIC, at + 1)) {
      if (at % ALIGNED === 0) return read(bytes, offset + at);
    }
  }
  return undefined;
}

function read(bytes: Buffer, at: number): BuildInfo {
  const none = { others: new Set<string>(), variables: new Map<string, string>() };
  // Before 1.18 the header has addresses instead of the texts themselves.
  if (((bytes[at + 15] ?? 0) & INLINE) === 0) return none;
  const version = prefixed(bytes, at + HEADER);
  const text = version && prefixed(bytes, version.end)?.text;
  if (text === undefined) return none;
  const flags = /^build\t-ldflags=(.*)$/m.exec(text)?.[1] ?? '';
  return { others: othersOf(text), variables: variablesOf(unquoted(flags)) };
}

/** Lines `dep`, path, version; below one, `=>` with what replaces the module. A folder has no version. */
function othersOf(text: string): Set<string> {
  const modules = text.matchAll(/^dep\t(\S+)\t(\S+)[^\n]*(?:\n=>\t\S+\t(\S+))?/gm);
  return new Set(
    [...modules].flatMap(([, path = '', version, other]) => ((other ?? version) === FOLDER ? [] : [path])),
  );
}

/**
 * Whether a function is of the operator's own code: of no module of others, and not of Go's library, whose packages have
 * no dot before their first slash.
 * @param name with its package's path before it
 */
export function isOwnCode(name: string, { others }: BuildInfo): boolean {
  const [plain = ''] = name.split('[');
  const path = plain.slice(0, plain.indexOf('.', plain.lastIndexOf('/') + 1));
  if (path === 'main') return true;
  const parts = path.split('/');
  if (parts.length < 2 || !parts[0]?.includes('.')) return false;
  return !parts.some((_, i) => others.has(parts.slice(0, i + 1).join('/')));
}

/** A text with its length before it, as a varint of 7 bits a byte. */
function prefixed(bytes: Buffer, at: number): { text: string; end: number } | undefined {
  let length = 0;
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + i] ?? 0;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte >= 0x80) continue;
    const start = at + i + 1;
    if (length > LIMIT || start + length > bytes.length) return undefined;
    return { text: bytes.toString('utf8', start, start + length), end: start + length };
  }
  return undefined;
}

function unquoted(flags: string): string {
  return /^".*"$/.test(flags) ? flags.slice(1, -1).replace(/\\(.)/g, '$1') : flags;
}

function variablesOf(flags: string): Map<string, string> {
  const set = flags.matchAll(/-X[= ]\s*(?:'([^']*)'|"([^"]*)"|(\S+))/g);
  const variables = [...set].flatMap(([, single, double, plain]): [string, string][] => {
    const text = single ?? double ?? plain ?? '';
    const equals = text.indexOf('=');
    const name = text.slice(text.lastIndexOf('.', equals < 0 ? undefined : equals) + 1, equals);
    const value = text.slice(equals + 1).replace(/^["']|["']$/g, '');
    return equals < 0 ? [] : [[name, value]];
  });
  return new Map(variables);
}
