import type { Elf } from './elf.ts';

/** Build information that the Go linker writes into a program. */
export interface BuildInfo {
  /** Paths of modules with a version; modules from the operator's own repository have none. */
  readonly dependencies: ReadonlySet<string>;
  /** Values of variables set by the linker (`-X path.name=value`) by name; empty when `-trimpath` removes the flags. */
  readonly variables: ReadonlyMap<string, string>;
}

const MAGIC = Buffer.from('\xff Go buildinf:', 'latin1');
/** Version that Go writes for a module in a local folder. */
const DEVEL_VERSION = '(devel)';
/** Maximum bytes of the module list; the largest operators have 60 kB. */
const MAX_MODULE_LIST = 1024 * 1024;
const HEADER_SIZE = 32;
const INLINE_STRINGS = 2;
const ALIGNMENT = 16;

/**
 * Reads the build information of a Go program (debug/buildinfo). Since Go 1.18 it consists of length-prefixed strings
 * after a header of 32 bytes; for older versions the result is empty.
 * @returns undefined if this is not a Go program
 */
export function readBuildInfo({ bytes, data }: Elf): BuildInfo | undefined {
  for (const { offset, size } of data) {
    const region = bytes.subarray(offset, offset + size);
    // A program that reads build information also holds the magic as a constant, usually unaligned.
    for (let position = region.indexOf(MAGIC); position >= 0; position = region.indexOf(MAGIC, position + 1)) {
      if (position % ALIGNMENT === 0) return readAt(bytes, offset + position);
    }
  }
  return undefined;
}

function readAt(bytes: Buffer, position: number): BuildInfo {
  const noInfo = { dependencies: new Set<string>(), variables: new Map<string, string>() };
  // Before Go 1.18 the header holds addresses instead of the strings.
  if (((bytes[position + 15] ?? 0) & INLINE_STRINGS) === 0) return noInfo;
  const version = readLengthPrefixed(bytes, position + HEADER_SIZE);
  const text = version && readLengthPrefixed(bytes, version.end)?.text;
  if (text === undefined) return noInfo;
  const flags = /^build\t-ldflags=(.*)$/m.exec(text)?.[1] ?? '';
  return { dependencies: moduleDependencies(text), variables: linkerVariables(withoutQuotes(flags)) };
}

/** Parses lines of `dep`, path and version, each with an optional `=>` line for the module that replaces it. */
function moduleDependencies(text: string): Set<string> {
  const modules = text.matchAll(/^dep\t(\S+)\t(\S+)[^\n]*(?:\n=>\t\S+\t(\S+))?/gm);
  return new Set(
    [...modules].flatMap(([, path = '', version, replacement]) =>
      (replacement ?? version) === DEVEL_VERSION ? [] : [path],
    ),
  );
}

/**
 * Reports whether a function belongs to the operator's own code, which is neither a versioned module nor Go's standard
 * library (its packages have no dot before their first slash).
 * @param name function name with its package path
 */
export function isOwnCode(name: string, { dependencies }: BuildInfo): boolean {
  const [plain = ''] = name.split('[');
  const path = plain.slice(0, plain.indexOf('.', plain.lastIndexOf('/') + 1));
  if (path === 'main') return true;
  const parts = path.split('/');
  if (parts.length < 2 || !parts[0]?.includes('.')) return false;
  return !parts.some((_, i) => dependencies.has(parts.slice(0, i + 1).join('/')));
}

/** Reads a string after its length, a varint of 7 bits per byte. */
function readLengthPrefixed(bytes: Buffer, position: number): { text: string; end: number } | undefined {
  let length = 0;
  for (let i = 0; i < 4; i++) {
    const byte = bytes[position + i] ?? 0;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte >= 0x80) continue;
    const start = position + i + 1;
    if (length > MAX_MODULE_LIST || start + length > bytes.length) return undefined;
    return { text: bytes.toString('utf8', start, start + length), end: start + length };
  }
  return undefined;
}

function withoutQuotes(flags: string): string {
  return /^".*"$/.test(flags) ? flags.slice(1, -1).replace(/\\(.)/g, '$1') : flags;
}

function linkerVariables(flags: string): Map<string, string> {
  const flagMatches = flags.matchAll(/-X[= ]\s*(?:'([^']*)'|"([^"]*)"|(\S+))/g);
  const variables = [...flagMatches].flatMap(([, single, double, plain]): [string, string][] => {
    const text = single ?? double ?? plain ?? '';
    const equals = text.indexOf('=');
    const name = text.slice(text.lastIndexOf('.', equals < 0 ? undefined : equals) + 1, equals);
    const value = text.slice(equals + 1).replace(/^["']|["']$/g, '');
    return equals < 0 ? [] : [[name, value]];
  });
  return new Map(variables);
}
