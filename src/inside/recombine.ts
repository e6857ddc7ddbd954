import { formatReference, tryParseReference } from '../oci/reference.ts';
import type { BuildInfo } from './build-info.ts';
import type { Guess, InsidePlace, Subject } from './candidate.ts';
import type { SortedConstants } from './constants.ts';
import type { Elf } from './elf.ts';
import { imageSayer, ownUser } from './evidence.ts';
import type { Functions } from './functions.ts';
import type { GoString, GoStrings } from './go-strings.ts';
import { withHolders } from './holders.ts';
import { bareRepository, isDigest, isVersion, makersOf, normalised, type Template } from './names.ts';
import { constantsBeside, constantsNear, settingBeside, versionsBeside } from './pairing.ts';
import { namedVersion, newestFirst, variableVersions } from './versions.ts';

/** Constant that is a name without its version. */
export interface Nameless {
  readonly constant: GoString;
  readonly template: Template;
  /** True if the text itself shows that a version follows. */
  readonly isOpen: boolean;
  /** True for the default of a setting, whose version may be the default of another setting. */
  readonly isDefault: boolean;
  /** True if a version next to it is the only evidence; then the registry has to confirm it. */
  readonly isOnlyLike?: boolean;
}

/** Parsed program. */
export interface Program {
  readonly elf: Elf;
  readonly strings: GoStrings;
  readonly build: BuildInfo;
  readonly functions: Functions | undefined;
  /** Constants that are versions. */
  readonly versions: readonly GoString[];
  readonly subject: Subject;
  readonly place: InsidePlace;
}

/** Maximum versions tried with every name. With more of them, most existing images would be false positives. */
const FEW = 12;
/** Maximum guesses for one program. */
const MOST = 60;
/** Maximum names without a registry, and uses of each; the largest operators have some hundred. */
const MOST_SHORTS = 2000;
const MOST_USES = 3;
/** Maximum versions tried with one name. */
const MOST_TRIED = 40;
/** Bytes of code around a digest that are searched for its repository, with branches between them. */
const FUNCTION = 4096;
const LATEST = 'latest';
const MOVING = /^latest(?:-[a-z][\w.-]{0,20})?$/;
/** Official image of Docker Hub, such as `redis`. */
const WORD = /^[a-z][a-z0-9-]{2,40}$/;

/** `${NAME}` with an optional suffix. */
const VARIABLE = /^\$\{(\w+)\}([\w.-]*)$/;

/** Constants that are combined into references. */
export type Names = Pick<SortedConstants, 'nameless' | 'versions' | 'shorts' | 'digests'>;

/**
 * Combines names with their versions. Versions that the program itself pairs with a name come first; others are tried
 * in order of likelihood.
 */
export function recombine(program: Program, { nameless, shorts, digests, versions: defaults }: Names): Guess[] {
  const { elf, strings, build, subject, place } = program;
  const versions = variableVersions(elf, strings, build);
  const own = subject.image.tag === undefined ? [] : [subject.image.tag];
  const free = newestFirst([...new Set([...(versions.length <= FEW ? versions : []), ...own])]);
  const variables = variablesOf(strings, [
    ...nameless.flatMap(({ template }) => template.variable ?? []),
    ...defaults.flatMap((text) => VARIABLE.exec(text)?.[1] ?? []),
  ]);
  const settings = settingsOf(program, defaults, variables);
  const constants = likeOwn(newestFirst([...new Set(program.versions.map(({ text }) => text))]), subject);
  // A name without a registry needs evidence: an image setting next to it, or the function that uses it.
  const said = shorts.slice(0, MOST_SHORTS).flatMap((constant): Nameless[] => {
    const used = { ...constant, code: constant.code.slice(0, MOST_USES) };
    const isSaid = imageSayer(program, used) !== undefined;
    if (!isSaid && (ownUser(program, used) === undefined || !versionsBeside(program, used, 'before').some(isVersion)))
      return [];
    const template = { before: `${constant.text}:`, after: '' };
    return [{ constant, template, isOpen: isSaid, isDefault: false, isOnlyLike: !isSaid }];
  });
  const names = [...nameless, ...said].slice(0, MOST * 10);
  const constantsOfNames = withHolders(
    elf,
    names.map(({ constant }) => constant),
  );
  const guesses = names.flatMap(({ constant: { offset }, template, isOpen, isDefault, isOnlyLike }, i): Guess[] => {
    const constant = constantsOfNames[i] as GoString;
    const setting = settingBeside(program, constant);
    const isImage = imageSayer(program, constant) !== undefined;
    const { before, variable } = template;
    const repository = before.slice(0, before.lastIndexOf(':'));
    const byName = namedVersion(repository, build);
    const holder = variable === undefined ? undefined : variables.get(variable);
    const beside = versionsBeside(program, holder ?? constant, holder === undefined ? 'before' : 'after');
    const paired = referencesOf(template, [...(byName === undefined ? [] : [byName]), ...beside]);
    const guessed = isOpen || isImage ? [...(isDefault ? settings : []), ...free] : [];
    // A repository without a tag is weak evidence; one of the same publisher may have the operator's version.
    if (guessed.length === 0 && isKin(repository, subject)) guessed.push(...own);
    if (isImage) {
      guessed.push(...constants);
    }
    const moving = movingBeside(program, constant);
    // `latest-full` shows the suffix of release tags too.
    const variants =
      moving === undefined || moving === LATEST ? [] : guessed.map((text) => text + moving.slice(LATEST.length));
    const tried = beside.some(isDigest) ? [] : referencesOf(template, [...variants, ...guessed]);
    // A name without a version gets this tag from the code, or `latest` from the container runtime.
    const isBare = !constant.text.includes(':') && paired.length === 0;
    const isValue = setting !== undefined || (isDefault && bareRepository(constant.text) !== undefined);
    const newest = moving ?? (isValue ? LATEST : undefined);
    const last = isBare && newest !== undefined ? referencesOf(template, [newest]) : [];
    const possible = [...new Set([...[...paired, ...tried].slice(0, MOST_TRIED), ...last])];
    if (possible.length === 0) return [];
    const evidence =
      byName !== undefined
        ? 'a name and the version set for it by the linker'
        : beside.length > 0
          ? 'a name and the version that the code loads next to it'
          : tried.length > 0
            ? 'a name and versions found in the program'
            : 'a name without a version';
    const found = { ...place, offset, kind: 'recombined' as const, evidence, possible };
    const isPaired = paired.length > 0 && isOnlyLike !== true;
    return [{ ...found, isPaired, ...(setting === undefined ? {} : { setting }) }];
  });
  return [...guesses.slice(0, MOST), ...pinned(program, digests, guesses)];
}

/** Puts versions first that have a `v` like the operator's own tag; most others are only used in comparisons. */
function likeOwn(versions: readonly string[], { image }: Subject): string[] {
  const isLike = (version: string): boolean => version.startsWith('v') === (image.tag ?? '').startsWith('v');
  return [...versions.filter(isLike), ...versions.filter((version) => !isLike(version))];
}

/** Returns versions that are defaults of settings, with their variables resolved. */
function settingsOf(program: Program, defaults: readonly string[], variables: ReadonlyMap<string, GoString>): string[] {
  const versions = defaults.flatMap((text) => {
    const [, name = '', added = ''] = VARIABLE.exec(text) ?? [];
    const holder = variables.get(name);
    const [version] = holder === undefined ? [text] : versionsBeside(program, holder, 'after');
    return version === undefined || !isVersion(version) ? [] : [version + added];
  });
  return newestFirst([...new Set(versions)]).slice(0, FEW);
}

/** Returns `latest` or a variant of it that the operator's own code loads next to a name. */
function movingBeside(program: Program, constant: GoString): string | undefined {
  const uses = ownUser(program, constant) === undefined ? [] : constant.code.slice(0, MOST_USES);
  return uses.flatMap((use) => constantsNear(program, use)).find((text) => MOVING.test(text));
}

/**
 * Combines digests with repositories used by the same function, and unpaired digests with words next to them, such as
 * `redis`. The registry decides: the right repository has the digest.
 */
function pinned(program: Program, digests: readonly GoString[], guesses: readonly Guess[]): Guess[] {
  const known = new Set(guesses.flatMap(({ possible }) => possible));
  const used = new Set([...known].map((reference) => reference.split('@')[1]));
  return digests.slice(0, MOST).flatMap((digest): Guess[] => {
    const uses = ownUser(program, digest) === undefined ? [] : digest.code.slice(0, MOST_USES);
    const taken = uses.flatMap((use) => constantsNear(program, use, FUNCTION));
    const repositories = taken.filter((text) => bareRepository(text) !== undefined);
    const words = used.has(digest.text) ? [] : constantsBeside(program, digest).filter((text) => WORD.test(text));
    const names = [...repositories, ...words.map((word) => `docker.io/library/${word}`)];
    const references = names.flatMap((name) => normalised(`${name}@${digest.text}`) ?? []);
    const possible = [...new Set(references)].filter((reference) => !known.has(reference)).slice(0, FEW);
    const evidence = 'a name and a digest loaded by the same function';
    return possible.length === 0
      ? []
      : [{ ...program.place, offset: digest.offset, kind: 'recombined', evidence, possible, isPaired: false }];
  });
}

function referencesOf({ before, after }: Template, versions: readonly string[]): string[] {
  const references = versions.flatMap((version) => {
    // `name:v%s` expects a version without the `v`.
    const bare = before.endsWith('v') ? version.replace(/^v/, '') : version;
    const isPin = isDigest(version);
    if (isPin && !(before.endsWith(':') && after === '')) return [];
    const parsed = tryParseReference(isPin ? `${before.slice(0, -1)}@${version}` : `${before}${bare}${after}`);
    return parsed === undefined ? [] : [formatReference(parsed)];
  });
  return [...new Set(references)];
}

function isKin(repository: string, { makers }: Subject): boolean {
  const parsed = tryParseReference(repository);
  return parsed !== undefined && makersOf(parsed).some((maker) => makers.has(maker));
}

/** Finds constants with the names of template variables; the code loads their values next to them. */
function variablesOf(strings: GoStrings, names: readonly string[]): Map<string, GoString> {
  const wanted = new Set(names);
  const found = new Map<string, GoString>();
  if (wanted.size === 0) return found;
  const starts = new Set([...wanted].map((name) => name.charCodeAt(0)));
  for (const constant of strings.find((bytes, start) => starts.has(bytes[start] ?? 0))) {
    if (wanted.has(constant.text)) found.set(constant.text, constant);
  }
  return found;
}
