import { formatReference, tryParseReference } from '../src/oci/reference.ts';
import type { Difference } from './difference.ts';

/**
 * Why two renders differ in a field: `reference`, what stands there now are the exact private names of what stood there
 * before, and all else is the same; `redirect`, an argument or a variable that tells an operator where its images are;
 * `sum`, a checksum of something that differs; `switch`, a value that the overrides switch on, in a copy of the values;
 * `other`, what must not be.
 */
export type Reason = 'reference' | 'redirect' | 'sum' | 'switch' | 'other';

export interface Expected {
  /** Registry with prefix. */
  readonly target: string;
  /** Keys of values that the overrides switch on. */
  readonly switches: readonly string[];
  /** Full names of images that an operator chooses by itself. */
  readonly operands: readonly string[];
}

/** Explains a difference between a render without and one with overrides. */
export function reasonOf({ path, before, after }: Difference, { target, switches, operands }: Expected): Reason {
  if (after === undefined) return 'other';
  if (before === undefined) return isRedirect(after, target, operands) ? 'redirect' : 'other';
  if (isMoved(before, after, target)) return 'reference';
  if (isSum(before, after, path)) return 'sum';
  const [was, is] = [decoded(before), decoded(after)];
  if (was !== undefined && is !== undefined && isMoved(was, is, target)) return 'reference';
  const [plain, switched] = [was ?? before, is ?? after].map((text) => withoutSwitches(text, switches)) as [
    string,
    string,
  ];
  return switches.length > 0 && isMoved(plain, switched, target) ? 'switch' : 'other';
}

/** What can stand for a reference: none of what separates words in YAML, JSON, lists of arguments and settings. */
const WORD = '[^\\s"\',;=]*?';

/**
 * Whether the text of after is that of before with private names in it, each exactly the one of what stood there. Of a
 * reference that is split over several fields, one field has the registry or the repository alone.
 */
function isMoved(before: string, after: string, target: string): boolean {
  const names = after.match(privateName(target)) ?? [];
  if (names.length === 0) return false;
  const around = after.split(privateName(target)).map(escaped);
  const words = new RegExp(`^${around.join(`(${WORD})`)}$`).exec(before)?.slice(1);
  return words?.every((word, i) => isSame(word, (names[i] ?? '').slice(target.length + 1))) ?? false;
}

function privateName(target: string): RegExp {
  return new RegExp(`${escaped(target)}(?:/[\\w.-]+)*(?::\\w[\\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?`, 'g');
}

function isRedirect(added: string, target: string, operands: readonly string[]): boolean {
  const names = (added.match(privateName(target)) ?? []).map((name) => name.slice(target.length + 1));
  return names.length > 0 && names.every((name) => operands.some((operand) => isSame(operand, name)));
}

function isSame(public_: string, private_: string): boolean {
  if (public_ === private_) return true;
  // A registry of its own that was empty stands for Docker Hub.
  if (public_ === '') return private_ === 'docker.io' || private_ === '';
  const [a, b] = [tryParseReference(public_), tryParseReference(private_)];
  return a !== undefined && b !== undefined && formatReference(a) === formatReference(b);
}

function isSum(before: string, after: string, path: string): boolean {
  const isHex = [before, after].every((text) => /^[0-9a-f]{32,}$/.test(text));
  return before.length === after.length && (isHex || (/checksum|sha256sum/.test(path) && /^[\w+/=-]+$/.test(after)));
}

function decoded(text: string): string | undefined {
  if (!/^[A-Za-z0-9+/\s]{16,}={0,2}\s*$/.test(text)) return undefined;
  const plain = Buffer.from(text, 'base64').toString('utf8');
  return plain.includes('�') ? undefined : plain;
}

/** Lines and pairs that set one of the keys are taken out. */
function withoutSwitches(text: string, keys: readonly string[]): string {
  return keys.reduce(
    (rest, key) => rest.replaceAll(new RegExp(`"?${escaped(key)}"?:\\s*(?:true|false),?`, 'g'), ''),
    text,
  );
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
