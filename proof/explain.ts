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
  const names = after.match(privateNames(target)) ?? [];
  if (names.length === 0) return false;
  const around = after.split(privateNames(target)).map(escaped);
  const words = new RegExp(`^${around.join(`(${WORD})`)}$`).exec(before)?.slice(1);
  return words?.every((word, i) => isSame(word, (names[i] ?? '').slice(target.length + 1))) ?? false;
}

function privateNames(target: string): RegExp {
  return new RegExp(`${escaped(target)}(?:/[\\w.-]+)*(?::\\w[\\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?`, 'g');
}

function isRedirect(added: string, target: string, operands: readonly string[]): boolean {
  const names = (added.match(privateNames(target)) ?? []).map((name) => name.slice(target.length + 1));
  return names.length > 0 && names.every((name) => operands.some((operand) => isSame(operand, name)));
}

/** Whether a private name, without the target, is the one of a public name; a path has no colon, so a port gets a dash. */
function isSame(text: string, privateName: string): boolean {
  // A registry of its own that was empty stands for Docker Hub.
  if (text === '') return privateName === 'docker.io' || privateName === '';
  const name = text.replace(/^([\w.-]+):(\d+)(?=\/)|^([\w-]+\.[\w.-]+):(\d+)$/, '$1$3-$2$4');
  if (name === privateName) return true;
  const parsed = tryParseReference(name);
  const wanted = parsed === undefined ? '' : formatReference(parsed);
  // Where the tag goes without saying, or stands in another field, it may do so in the private name.
  return privateName === wanted || (privateName === wanted.replace(/:latest$/, '') && !name.endsWith(':latest'));
}

function isSum(before: string, after: string, path: string): boolean {
  const isHex = [before, after].every((text) => /^[0-9a-f]{32,}$/.test(text));
  return before.length === after.length && (isHex || (/checksum|sha256sum/.test(path) && /^[\w+/=-]+$/.test(after)));
}

/** A text with what is in base64 in it as plain text, where it is a text; undefined when there is none. */
function decoded(text: string): string | undefined {
  const plain = text.replaceAll(/[A-Za-z0-9+/]{16,}={0,2}/g, (blob) => {
    const inside = Buffer.from(blob, 'base64').toString('utf8');
    return /[^\P{C}\n\t]|\ufffd/u.test(inside) ? blob : `\n${inside}\n`;
  });
  return plain === text ? undefined : plain;
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
