import { formatReference } from '../oci/reference.ts';
import { isOwnCode, readBuildInfo } from './build-info.ts';
import type { Candidate, FileFindings, Guess, InsidePlace, Subject } from './candidate.ts';
import { sortConstants } from './constants.ts';
import { readElf } from './elf.ts';
import { recordsOf } from './families.ts';
import { Functions } from './functions.ts';
import { type GoString, GoStrings } from './go-strings.ts';
import { withHolders } from './holders.ts';
import { isMovingTag, makersOf, wholeName } from './names.ts';
import { settingBeside } from './pairing.ts';
import { type Program, recombine } from './recombine.ts';
import { defaultsOfFields } from './struct-tags.ts';

/** What a tag has to have where neither a registry nor a setting says that it is one: numbers with a dot, or a commit. */
const SAYS_VERSION = /\d[.-]\d|^[0-9a-f]{7,40}$/;
/** Ways in which real programs are packed, so that nothing can be read in them. */
const PACKED = Buffer.from('UPX!', 'latin1');

/**
 * Names in a Go program for x86-64: whole constants, embedded texts, and names with versions apart. Of other programs
 * nothing is read.
 * @param bytes the whole file, and nobody else's: a position-independent program is relocated in them
 */
export function namesInProgram(bytes: Buffer, place: InsidePlace, subject: Subject): FileFindings {
  const elf = readElf(bytes);
  if (elf === undefined) return { ...NOTHING, givenUp: 'it is no 64-bit ELF program' };
  const build = readBuildInfo(elf);
  if (build === undefined) {
    const isPacked = bytes.subarray(0, 4096).includes(PACKED);
    return { ...NOTHING, givenUp: isPacked ? 'it is packed' : 'it is not written in Go' };
  }
  const strings = new GoStrings(elf);
  const program = { elf, strings, build, functions: Functions.read(elf), subject, place };
  const sorted = sortConstants(strings, defaultsOfFields(elf), place);
  const records = recordsOf(program, sorted.prefixes);
  const found = {
    candidates: [
      ...withHolders(elf, sorted.whole).map((constant) => wholeCandidate(program, constant)),
      ...sorted.inTexts,
    ],
    guesses: bestOf([...records.guesses, ...recombine(program, sorted)]),
    families: records.families,
  };
  const isCut = strings.incomplete || sorted.incomplete;
  return isCut ? { ...found, givenUp: 'it has more constants than are looked at' } : found;
}

/** Without those that only try versions of a repository for which the program itself says one. */
function bestOf(guesses: readonly Guess[]): Guess[] {
  const repositoryOf = ({ possible: [reference = ''] }: Guess): string => reference.replace(/(?:@sha256)?:[^:]*$/, '');
  const paired = new Set(guesses.filter(({ isPaired }) => isPaired).map(repositoryOf));
  return guesses.filter((guess) => guess.isPaired || !paired.has(repositoryOf(guess)));
}

const NOTHING: FileFindings = { candidates: [], guesses: [], families: [] };

function wholeCandidate({ elf, strings, build, functions, place, subject }: Program, constant: GoString): Candidate {
  const { image, makers } = subject;
  const { text, offset } = constant;
  const whole = wholeName(text);
  const parsed = whole?.parsed ?? image;
  const isOtherOwn =
    parsed.registry === image.registry && parsed.path === image.path && parsed.tag !== image.tag && !parsed.digest;
  const maker = makersOf(parsed).find((one) => makers.has(one));
  const setting = settingBeside(elf, strings, constant);
  const found = {
    ...{ ...place, offset, written: text, reference: formatReference(parsed), kind: 'constant' as const },
    ...(setting === undefined ? {} : { setting }),
  };
  const users = constant.code.flatMap((use) => functions?.nameAt(use) ?? []);
  const own = users.find((name) => isOwnCode(name, build));
  const isSteady = !isMovingTag(parsed);
  if (maker !== undefined && isSteady && !isOtherOwn) {
    // A library of the same makers has defaults too, and the operator others.
    const confidence = users.length > 0 && own === undefined ? 'medium' : 'high';
    return { ...found, confidence, evidence: `of the same makers (${maker})` };
  }
  if (setting !== undefined && isSteady) return { ...found, confidence: 'medium', evidence: `beside ${setting}` };
  const isSure = whole?.host !== 'none' || parsed.digest !== undefined || SAYS_VERSION.test(parsed.tag ?? '');
  if (own !== undefined && isSteady && isSure && !isOtherOwn)
    return { ...found, confidence: 'medium', evidence: `in ${own}` };
  return { ...found, confidence: 'low', evidence: 'a constant' };
}
