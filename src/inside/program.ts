import { formatReference } from '../oci/reference.ts';
import { readBuildInfo } from './build-info.ts';
import type { Candidate, FileFindings, Guess, InsidePlace, Subject } from './candidate.ts';
import { sortConstants } from './constants.ts';
import { readElf } from './elf.ts';
import { imageSayer, ownUser, usersOf } from './evidence.ts';
import { recordsOf } from './families.ts';
import { Functions } from './functions.ts';
import { type GoString, GoStrings } from './go-strings.ts';
import { withHolders } from './holders.ts';
import { isMovingTag, looseName, makersOf, wholeName } from './names.ts';
import { settingBeside } from './pairing.ts';
import { namesInPieces } from './pieces.ts';
import { type Program, recombine } from './recombine.ts';
import { defaultsOfFields } from './struct-tags.ts';
import { constantVersions } from './versions.ts';

/** Required form of a tag without a registry or setting as evidence: numbers with a dot, or a commit. */
const SAYS_VERSION = /\d[.-]\d|^[0-9a-f]{7,40}$/;
/** `org/name` with a tag that is always moved. */
const ALWAYS_MOVES = /^[^/:]*\/[^:]+:(?:latest|stable|edge|nightly|main|master)$/;
/** Maximum uses of one constant that are inspected. */
const MOST_USES = 3;
/** Signature of UPX, which packs programs so that constants cannot be read. */
const PACKED = Buffer.from('UPX!', 'latin1');

/**
 * Finds image names in a Go program: complete constants, names in embedded texts, and names separate from their
 * versions. Code is inspected for x86-64 only. Other programs are skipped.
 * @param bytes the complete file; modified if the program is position-independent
 */
export function namesInProgram(bytes: Buffer, place: InsidePlace, subject: Subject): FileFindings {
  const elf = readElf(bytes);
  if (elf === undefined) return { ...NOTHING, givenUp: 'not a 64-bit ELF program' };
  const build = readBuildInfo(elf);
  if (build === undefined) {
    const isPacked = bytes.subarray(0, 4096).includes(PACKED);
    return { ...NOTHING, givenUp: isPacked ? 'packed with UPX' : 'not a Go program' };
  }
  const strings = new GoStrings(elf);
  const versions = constantVersions(strings);
  const program: Program = { elf, strings, build, functions: Functions.read(elf), versions, subject, place };
  const sorted = sortConstants(strings, defaultsOfFields(elf), place);
  const records = recordsOf(program, sorted.prefixes);
  const found = {
    candidates: [
      ...withHolders(elf, sorted.whole).map((constant) => wholeCandidate(program, constant)),
      ...sorted.inTexts,
    ],
    guesses: bestOf([
      ...records.guesses,
      ...recombine(program, sorted),
      ...sorted.loose.flatMap((constant) => looseGuess(program, constant)),
      ...namesInPieces(program),
    ]),
    families: records.families,
  };
  const isCut = strings.incomplete || sorted.incomplete;
  return isCut ? { ...found, givenUp: 'too many constants: only part of them were scanned' } : found;
}

/** Drops guesses for repositories that the program itself pairs with a version. */
function bestOf(guesses: readonly Guess[]): Guess[] {
  const repositoryOf = ({ possible: [reference = ''] }: Guess): string => reference.replace(/(?:@sha256)?:[^:]*$/, '');
  const paired = new Set(guesses.filter(({ isPaired }) => isPaired).map(repositoryOf));
  return guesses.filter((guess) => guess.isPaired || !paired.has(repositoryOf(guess)));
}

const NOTHING: FileFindings = { candidates: [], guesses: [], families: [] };

function wholeCandidate(program: Program, constant: GoString): Candidate {
  const { place, subject } = program;
  const { image, makers } = subject;
  const { text, offset } = constant;
  const whole = wholeName(text);
  const parsed = whole?.parsed ?? image;
  const isOtherOwn =
    parsed.registry === image.registry && parsed.path === image.path && parsed.tag !== image.tag && !parsed.digest;
  const maker = makersOf(parsed).find((one) => makers.has(one));
  const setting = settingBeside(program, constant);
  const found = {
    ...{ ...place, offset, written: text, reference: formatReference(parsed), kind: 'constant' as const },
    ...(setting === undefined ? {} : { setting }),
  };
  const own = ownUser(program, constant);
  const isSteady = !isMovingTag(parsed);
  if (maker !== undefined && isSteady && !isOtherOwn) {
    // Libraries of the same publisher have defaults that the operator may replace.
    const confidence = usersOf(program, constant).length > 0 && own === undefined ? 'medium' : 'high';
    return { ...found, confidence, evidence: `same publisher (${maker})` };
  }
  if (setting !== undefined && isSteady) return { ...found, confidence: 'medium', evidence: `next to ${setting}` };
  // Moving tags of the same publisher are mostly for its own builds, so they need an image setting or function.
  const sayer =
    isSteady || isOtherOwn ? undefined : (imageSayer(program, constant) ?? (maker === undefined ? own : undefined));
  if (sayer !== undefined) return { ...found, confidence: 'medium', evidence: `in or next to ${sayer}` };
  const isSure = whole?.host !== 'none' || parsed.digest !== undefined || SAYS_VERSION.test(parsed.tag ?? '');
  if (own !== undefined && isSteady && isSure && !isOtherOwn)
    return { ...found, confidence: 'medium', evidence: `in ${own}` };
  return { ...found, confidence: 'low', evidence: 'a string constant' };
}

/**
 * Returns a guess for a text that is a name only by its context: an image setting next to it, an own function whose
 * name says image, or `org/name:latest` of another publisher in the operator's own code. The registry has to confirm
 * it.
 */
function looseGuess(program: Program, constant: GoString): Guess[] {
  const { place, subject } = program;
  const parsed = looseName(constant.text)?.parsed;
  if (parsed === undefined) return [];
  const used = { code: constant.code.slice(0, MOST_USES) };
  const isOthers = ALWAYS_MOVES.test(constant.text) && !makersOf(parsed).some((maker) => subject.makers.has(maker));
  const sayer = imageSayer(program, used) ?? (isOthers ? ownUser(program, used) : undefined);
  if (sayer === undefined) return [];
  const setting = settingBeside(program, constant);
  const found = { ...place, offset: constant.offset, kind: 'recombined' as const, evidence: `in or next to ${sayer}` };
  const possible = [formatReference(parsed)];
  return [{ ...found, possible, isPaired: false, ...(setting === undefined ? {} : { setting }) }];
}
