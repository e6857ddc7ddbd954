import type { Elf } from './elf.ts';

/** Build information that the Go linker writes into a program. */
export interface BuildInfo {
  /** Paths of modules with a version; modules from the operator's own repository have none. */
  readonly others: ReadonlySet<string>;
  /** Values of variables set by the linker (`-X path.name=value`) by name; empty when `-trimpath` removes the flags. */
  readonly variables: ReadonlyMap<string, string>;
}

const MAGIC = Buffer.from('\xff Go buildinf:', 'latin1');
/** Version that Go writes for a module in a local folder. */
const FOLDER = '(devel)';
/** Maximum bytes of the module list; the largest operators have 60 kB. */
const LIMIT = 1024 * 1024;
const HEADER = 32;
const INLINE = 2;
const ALIGNED = 16;

/**
 * Reads the build information of a Go program (debug/buildinfo). Since Go 1.18 it consists of length-prefixed strings
 * after a header of 32 bytes; for older versions the result is empty.
 * @returns undefined if this is not a Go program
 */
export function readBuildInfo({ bytes, data }: Elf): BuildInfo | undefined {
  for (const { offset, size } of data) {
    const region = bytes.subarray(offset, offset + size);
    // A program that reads build information also holds the magic as a constant, usually unaligned.
    for (let at = region.indexOf(MAGIC); at >= 0; at = region.indexOf(MAGIC, at + 1)) {
      if (at % ALIGNED === 0) return read(bytes, offset + at);
    }
  }
  return undefined;
}

function read(bytes: Buffer, at: number): BuildInfo {
  const none = { others: new Set<string>(), variables: new Map<string, string>() };
  // Before Go 1.18 the header holds addresses instead of the strings.
  if (((bytes[at + 15] ?? 0) & INLINE) === 0) return none;
  const version = prefixed(bytes, at + HEADER);
  const text = version && prefixed(bytes, version.end)?.text;
  if (text === undefined) return none;
  const flags = /^build\t-ldflags=(.*)$/m.exec(text)?.[1] ?? '';
  return { others: othersOf(text), variables: variablesOf(unquoted(flags)) };
}

/** Parses lines of `dep`, path and version, each with an optional `=>` line for the module that replaces it. */
function othersOf(text: string): Set<string> {
  const modules = text.matchAll(/^dep\t(\S+)\t(\S+)[^\n]*(?:\n=>\t\S+\t(\S+))?/gm);
  return new Set(
    [...modules].flatMap(([, path = '', version, other]) => ((other ?? version) === FOLDER ? [] : [path])),
  );
}

/**
 * Checks if a function belongs to the operator's own code, which is neither a versioned module nor Go's standard
 * library (its packages have no dot before their first slash).
 * @param name function name with its package path
 */
export function isOwnCode(name: string, { others }: BuildInfo): boolean {
  const [plain = ''] = name.split('[');
  const path = plain.slice(0, plain.indexOf('.', plain.lastIndexOf('/') + 1));
  if (path === 'main') return true;
  const parts = path.split('/');
  if (parts.length < 2 || !parts[0]?.includes('.')) return false;
  return !parts.some((_, i) => others.has(parts.slice(0, i + 1).join('/')));
}

/** Reads a string after its length, a varint of 7 bits per byte. */
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
