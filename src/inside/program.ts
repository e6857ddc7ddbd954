import { formatReference } from '../oci/reference.ts';
import { readBuildInfo } from './build-info.ts';
import type { Candidate, FileFindings, Guess, InsidePlace, Subject } from './candidate.ts';
import { sortConstants } from './constants.ts';
import { readElf } from './elf.ts';
import { recordsOf } from './families.ts';
import { type GoString, GoStrings } from './go-strings.ts';
import { isMovingTag, makersOf, wholeName } from './names.ts';
import { constantsBeside } from './pairing.ts';
import { type Program, recombine } from './recombine.ts';
import { defaultsOfFields } from './struct-tags.ts';

/** A name that says image: of a setting, a flag, a variable of the environment. */
const SAYS_IMAGE = /^[\w.-]{0,60}image[\w.-]{0,60}$/i;
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
  const program = { elf, strings, build, subject, place };
  const sorted = sortConstants(strings, defaultsOfFields(elf), place);
  const records = recordsOf(program, sorted.prefixes);
  const found = {
    candidates: [...sorted.whole.map((constant) => wholeCandidate(program, constant)), ...sorted.inTexts],
    guesses: bestOf([...records.guesses, ...recombine(program, sorted)]),
    families: records.families,
  };
  const isCut = strings.incomplete || sorted.incomplete;
  return isCut ? { ...found, givenUp: 'it has more constants than are looked at' } : found;
}

/** Without those that only try versions of a repository for which the program itself says one. */
function bestOf(guesses: readonly Guess[]): Guess[] {
  const repositoryOf = ({ possible: [reference = ''] }: Guess): string =>
    reference.slice(0, reference.lastIndexOf(':'));
  const paired = new Set(guesses.filter(({ isPaired }) => isPaired).map(repositoryOf));
  return guesses.filter((guess) => guess.isPaired || !paired.has(repositoryOf(guess)));
}

const NOTHING: FileFindings = { candidates: [], guesses: [], families: [] };

function wholeCandidate({ elf, strings, place, subject }: Program, constant: GoString): Candidate {
  const { image, makers } = subject;
  const { text, offset } = constant;
  const parsed = wholeName(text)?.parsed ?? image;
  const isOtherOwn =
    parsed.registry === image.registry && parsed.path === image.path && parsed.tag !== image.tag && !parsed.digest;
  const maker = makersOf(parsed).find((one) => makers.has(one));
  const setting = constantsBeside(elf, strings, constant).find((name) => SAYS_IMAGE.test(name));
  const found = {
    ...{ ...place, offset, written: text, reference: formatReference(parsed), kind: 'constant' as const },
    ...(setting === undefined ? {} : { setting }),
  };
  const isSteady = !isMovingTag(parsed);
  if (maker !== undefined && isSteady && !isOtherOwn) {
    return { ...found, confidence: 'high', evidence: `of the same makers (${maker})` };
  }
  if (setting !== undefined && isSteady) return { ...found, confidence: 'medium', evidence: `beside ${setting}` };
  return { ...found, confidence: 'low', evidence: 'a constant' };
}
