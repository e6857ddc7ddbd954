import type { Candidate, ScanLocation } from './candidate.ts';
import { type GoString, type GoStrings, MAX_NAME_BYTES } from './go-strings.ts';
import {
  bareRepository,
  defaultRepository,
  isOrganization,
  isSha256Digest,
  looseName,
  type NameTemplate,
  nameTemplateOf,
  shortRepository,
  wholeName,
} from './image-names.ts';
import { namesInFile } from './names-in-text.ts';

/** Constant that is a name without its version. */
export interface UnversionedName {
  readonly constant: GoString;
  readonly template: NameTemplate;
  /** True if the text itself shows that a version follows. */
  readonly expectsVersion: boolean;
  /** True for the default of a setting, whose version may be the default of another setting. */
  readonly isDefault: boolean;
  /** True if a version next to it is the only evidence; then the registry has to confirm it. */
  readonly isUncertain?: boolean;
}

/** Constants of a program that relate to images, by kind. */
export interface ClassifiedConstants {
  readonly wholeNames: readonly GoString[];
  /** Possible names with a tag such as `org/name:latest`; most are something else. */
  readonly looseNames: readonly GoString[];
  readonly unversionedNames: readonly UnversionedName[];
  /** Defaults of settings that are versions, or a variable with a suffix: `${NAME}-cluster`. */
  readonly defaultVersions: readonly string[];
  /** Registries, repository folders, or both, with a trailing slash. */
  readonly prefixes: readonly GoString[];
  /** Possible names on Docker Hub such as `org/name`; most are something else. */
  readonly shortNames: readonly GoString[];
  readonly digests: readonly GoString[];
  /** Names found in embedded texts. */
  readonly embeddedCandidates: readonly Candidate[];
  /** True if a limit was reached. */
  readonly incomplete: boolean;
}

/** Maximum bytes of embedded texts scanned in one program. */
const MAX_EMBEDDED_BYTES = 64 * 1024 * 1024;
/** Maximum names of one kind. Real operators have about ten; only crafted programs have thousands. */
const MAX_PER_KIND = 5000;
const PREFIX = /^[a-z0-9][a-z0-9.:-]*(?:\/[a-z0-9._-]+)*\/$/;

/**
 * Sorts the constants of a program by kind.
 * @param defaults defaults of settings, where names without a registry count too
 */
export function classifyConstants(
  strings: GoStrings,
  defaults: readonly GoString[],
  location: ScanLocation,
): ClassifiedConstants {
  const [wholeNames, unversionedNames, prefixes]: [GoString[], UnversionedName[], GoString[]] = [[], [], []];
  const [shortNames, digests, looseNames]: [GoString[], GoString[], GoString[]] = [[], [], []];
  const embeddedCandidates: Candidate[] = [];
  const defaultVersions: string[] = [];
  let embeddedBytes = 0;
  let incomplete = false;
  const classify = (constant: GoString, isDefault: boolean): void => {
    const { text } = constant;
    if (isDefault && !text.includes('/')) {
      if (defaultVersions.length < MAX_PER_KIND) defaultVersions.push(text);
      return;
    }
    const template = nameTemplateOf(text);
    const repository = isOrganization(text)
      ? undefined
      : (bareRepository(text) ?? (isDefault ? defaultRepository(text) : undefined));
    const list = wholeName(text) !== undefined ? wholeNames : template || repository ? unversionedNames : prefixes;
    incomplete ||= list.length >= MAX_PER_KIND;
    if (list.length >= MAX_PER_KIND) return;
    if (list === wholeNames) wholeNames.push(constant);
    else if (template !== undefined) unversionedNames.push({ constant, template, expectsVersion: true, isDefault });
    else if (repository !== undefined) {
      unversionedNames.push({
        constant,
        template: { before: `${repository}:`, after: '' },
        expectsVersion: isDefault,
        isDefault,
      });
    } else if (PREFIX.test(text)) prefixes.push(constant);
    else if (shortRepository(text) !== undefined && shortNames.length < MAX_PER_KIND) shortNames.push(constant);
    else if (isSha256Digest(text) && digests.length < MAX_PER_KIND) digests.push(constant);
    else if (looseNames.length < MAX_PER_KIND && looseName(text) !== undefined) looseNames.push(constant);
  };
  const isRelevant = (bytes: Buffer, start: number, end: number): boolean => {
    if (end - start <= MAX_NAME_BYTES) return mayBeName(bytes, start, end);
    embeddedBytes += end - start;
    incomplete ||= embeddedBytes > MAX_EMBEDDED_BYTES;
    return embeddedBytes <= MAX_EMBEDDED_BYTES && bytes.subarray(start, end).includes('image');
  };
  for (const constant of strings.find(isRelevant)) {
    const { text, offset } = constant;
    if (text.length <= MAX_NAME_BYTES && !text.includes('\n')) classify(constant, false);
    else if (embeddedCandidates.length < MAX_PER_KIND)
      embeddedCandidates.push(...namesInFile(text, { ...location, offset }, 'text embedded in the program'));
    else incomplete = true;
  }
  for (const constant of defaults) classify(constant, true);
  return {
    wholeNames,
    looseNames,
    unversionedNames,
    defaultVersions,
    prefixes,
    shortNames,
    digests,
    embeddedCandidates,
    incomplete,
  };
}

/** Checks cheaply whether bytes start like a name or line and contain a slash or colon. */
function mayBeName(bytes: Buffer, start: number, end: number): boolean {
  const first = bytes[start] ?? 0;
  const isLine = first === 0x23 || first === 0x2d || first === 0x0a || first === 0x7b;
  const isLetter = (first >= 0x61 && first <= 0x7a) || (first >= 0x41 && first <= 0x5a);
  if (!isLine && !isLetter && !(first >= 0x30 && first <= 0x39)) return false;
  for (let position = start; position < end; position++)
    if (bytes[position] === 0x2f || bytes[position] === 0x3a) return true;
  return false;
}
