import { formatReference } from '../../oci/reference.ts';
import { readBuildInfo } from './build-info.ts';
import type { Candidate, FileFindings, Guess, ScanLocation, ScanTarget } from './candidate.ts';
import { classifyConstants } from './classify-constants.ts';
import { readRecords } from './component-lists.ts';
import { readElf } from './elf.ts';
import { FunctionTable } from './function-table.ts';
import { type GoString, GoStrings, structTagDefaults } from './go-strings.ts';
import { isMovingTag, looseName, publishersOf, wholeName } from './image-names.ts';
import { nearbySetting } from './nearby-constants.ts';
import { functionsUsing, imageCallerOf, ownFunctionUsing, type Program } from './program.ts';
import { recombine, splitNamesInCode } from './recombine.ts';
import { withVariableUses } from './variable-uses.ts';
import { constantVersions } from './versions.ts';

/** Required form of a tag without a registry or setting as evidence: numbers with a dot, or a commit. */
const VERSION_OR_COMMIT = /\d[.-]\d|^[0-9a-f]{7,40}$/;
/** `org/name` with a tag that is always moved. */
const MOVING_NAME = /^[^/:]*\/[^:]+:(?:latest|stable|edge|nightly|main|master)$/;
/** Maximum uses of one constant that are inspected. */
const MAX_USES = 3;
/** Signature of UPX, which packs programs so that constants cannot be read. */
const UPX_MAGIC = Buffer.from('UPX!', 'latin1');

/**
 * Finds image names in a Go program: complete constants, names in embedded texts, and names separate from their
 * versions. Code is inspected for x86-64 only. Other programs are skipped.
 * @param bytes the complete file; modified if the program is position-independent
 */
export function namesInProgram(bytes: Buffer, location: ScanLocation, target: ScanTarget): FileFindings {
  const elf = readElf(bytes);
  if (elf === undefined) return { ...NO_FINDINGS, skipReason: 'not a 64-bit ELF program' };
  const build = readBuildInfo(elf);
  if (build === undefined) {
    const isPacked = bytes.subarray(0, 4096).includes(UPX_MAGIC);
    return { ...NO_FINDINGS, skipReason: isPacked ? 'packed with UPX' : 'not a Go program' };
  }
  const strings = new GoStrings(elf);
  const versions = constantVersions(strings);
  const program: Program = { elf, strings, build, functionTable: FunctionTable.read(elf), versions, target, location };
  const classified = classifyConstants(strings, structTagDefaults(elf), location);
  const records = readRecords(program, classified.prefixes);
  const found = {
    candidates: [
      ...withVariableUses(elf, classified.wholeNames).map((constant) => candidateOf(program, constant)),
      ...classified.embeddedCandidates,
    ],
    guesses: withoutUnpairedDuplicates([
      ...records.guesses,
      ...recombine(program, classified),
      ...classified.looseNames.flatMap((constant) => guessesOfLooseName(program, constant)),
      ...splitNamesInCode(program),
    ]),
    componentLists: records.componentLists,
  };
  const isIncomplete = strings.incomplete || classified.incomplete;
  return isIncomplete ? { ...found, skipReason: 'too many constants: only part of them were scanned' } : found;
}

/** Drops guesses for repositories that the program itself pairs with a version. */
function withoutUnpairedDuplicates(guesses: readonly Guess[]): Guess[] {
  const repositoryOf = ({ possibleReferences: [reference = ''] }: Guess): string =>
    reference.replace(/(?:@sha256)?:[^:]*$/, '');
  const paired = new Set(guesses.filter(({ isPaired }) => isPaired).map(repositoryOf));
  return guesses.filter((guess) => guess.isPaired || !paired.has(repositoryOf(guess)));
}

const NO_FINDINGS: FileFindings = { candidates: [], guesses: [], componentLists: [] };

function candidateOf(program: Program, constant: GoString): Candidate {
  const { location, target } = program;
  const { image, publishers } = target;
  const { text, offset } = constant;
  const whole = wholeName(text);
  const parsed = whole?.parsed ?? image;
  const isOtherVersionOfTarget =
    parsed.registry === image.registry && parsed.path === image.path && parsed.tag !== image.tag && !parsed.digest;
  const publisher = publishersOf(parsed).find((name) => publishers.has(name));
  const setting = nearbySetting(program, constant);
  const found = {
    ...{ ...location, offset, written: text, reference: formatReference(parsed), kind: 'constant' as const },
    ...(setting === undefined ? {} : { setting }),
  };
  const ownFunction = ownFunctionUsing(program, constant);
  const isFixedTag = !isMovingTag(parsed);
  if (publisher !== undefined && isFixedTag && !isOtherVersionOfTarget) {
    // Libraries of the same publisher have defaults that the operator may replace.
    const confidence = functionsUsing(program, constant).length > 0 && ownFunction === undefined ? 'medium' : 'high';
    return { ...found, confidence, evidence: `same publisher (${publisher})` };
  }
  if (setting !== undefined && isFixedTag) return { ...found, confidence: 'medium', evidence: `next to ${setting}` };
  // Moving tags of the same publisher are mostly for its own builds, so they need an image setting or function.
  const imageCaller =
    isFixedTag || isOtherVersionOfTarget
      ? undefined
      : (imageCallerOf(program, constant) ?? (publisher === undefined ? ownFunction : undefined));
  if (imageCaller !== undefined) return { ...found, confidence: 'medium', evidence: `in or next to ${imageCaller}` };
  const isSure = whole?.hostKind !== 'none' || parsed.digest !== undefined || VERSION_OR_COMMIT.test(parsed.tag ?? '');
  if (ownFunction !== undefined && isFixedTag && isSure && !isOtherVersionOfTarget)
    return { ...found, confidence: 'medium', evidence: `in ${ownFunction}` };
  return { ...found, confidence: 'low', evidence: 'a string constant' };
}

/**
 * Returns a guess for a text that is a name only by its context: an image setting next to it, an own function whose
 * name says image, or `org/name:latest` of another publisher in the operator's own code. The registry has to confirm
 * it.
 */
function guessesOfLooseName(program: Program, constant: GoString): Guess[] {
  const { location, target } = program;
  const parsed = looseName(constant.text)?.parsed;
  if (parsed === undefined) return [];
  const firstUses = { codeOffsets: constant.codeOffsets.slice(0, MAX_USES) };
  const isFromOtherPublisher =
    MOVING_NAME.test(constant.text) && !publishersOf(parsed).some((publisher) => target.publishers.has(publisher));
  const imageCaller =
    imageCallerOf(program, firstUses) ?? (isFromOtherPublisher ? ownFunctionUsing(program, firstUses) : undefined);
  if (imageCaller === undefined) return [];
  const setting = nearbySetting(program, constant);
  const found = {
    ...location,
    offset: constant.offset,
    kind: 'recombined' as const,
    evidence: `in or next to ${imageCaller}`,
  };
  const possibleReferences = [formatReference(parsed)];
  return [{ ...found, possibleReferences, isPaired: false, ...(setting === undefined ? {} : { setting }) }];
}
