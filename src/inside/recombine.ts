import { formatReference, tryParseReference } from '../oci/reference.ts';
import type { BuildInfo } from './build-info.ts';
import type { Guess, InsidePlace, Subject } from './candidate.ts';
import type { SortedConstants } from './constants.ts';
import type { Elf } from './elf.ts';
import type { GoString, GoStrings } from './go-strings.ts';
import { isVersion, makersOf, type Template } from './names.ts';
import { versionsBeside } from './pairing.ts';
import { namedVersion, newestFirst, variableVersions } from './versions.ts';

/** A constant that is a name without its version. */
export interface Nameless {
  readonly constant: GoString;
  readonly template: Template;
  /** Whether its text itself says that a version belongs behind it. */
  readonly isOpen: boolean;
  /** Whether it is the default of a setting, so that another setting's default may be its version. */
  readonly isDefault: boolean;
}

/** A program as far as it is read. */
export interface Program {
  readonly elf: Elf;
  readonly strings: GoStrings;
  readonly build: BuildInfo;
  readonly subject: Subject;
  readonly place: InsidePlace;
}

/** Versions of a program that are tried with every name; with more of them most that exist are none of the operator's. */
const FEW = 12;
/** Names that are guessed for in one program. */
const MOST = 60;

/** `${NAME}` and what is added to it. */
const VARIABLE = /^\$\{(\w+)\}([\w.-]*)$/;

/** What of a program's constants is put together. */
export type Names = Pick<SortedConstants, 'nameless' | 'versions'>;

/** Names with the versions that belong behind them. What a version is paired with is certain as far as the program says. */
export function recombine(program: Program, { nameless, versions: defaults }: Names): Guess[] {
  const { elf, strings, build, subject, place } = program;
  const versions = variableVersions(elf, strings, build);
  const own = subject.image.tag === undefined ? [] : [subject.image.tag];
  const free = newestFirst([...new Set([...(versions.length <= FEW ? versions : []), ...own])]);
  const named = variablesOf(strings, [
    ...nameless.flatMap(({ template }) => template.variable ?? []),
    ...defaults.flatMap((text) => VARIABLE.exec(text)?.[1] ?? []),
  ]);
  const set = defaults.flatMap((text) => {
    const [, name = '', added = ''] = VARIABLE.exec(text) ?? [];
    const holder = named.get(name);
    const [version] = holder === undefined ? [text] : versionsBeside(elf, strings, holder, 'after');
    return version === undefined || !isVersion(version) ? [] : [version + added];
  });
  const settings = newestFirst([...new Set(set)]).slice(0, FEW);
  return nameless
    .slice(0, MOST * 10)
    .flatMap(({ constant, template, isOpen, isDefault }): Guess[] => {
      const { before, variable } = template;
      const repository = before.slice(0, before.lastIndexOf(':'));
      const byName = namedVersion(repository, build);
      const holder = variable === undefined ? undefined : named.get(variable);
      const beside = versionsBeside(elf, strings, holder ?? constant, holder === undefined ? 'before' : 'after');
      const paired = [...(byName === undefined ? [] : [byName]), ...beside];
      // A repository alone is named for many reasons; one of the same makers may come in the operator's version.
      const guessed = isOpen ? [...(isDefault ? settings : []), ...free] : isKin(repository, subject) ? own : [];
      const possible = referencesOf(template, [...paired, ...guessed]);
      if (possible.length === 0) return [];
      const evidence =
        byName !== undefined
          ? 'a name, and the version that the linker set for it'
          : beside.length > 0
            ? 'a name, and the version that the code loads beside it'
            : 'a name, and the versions that the program holds';
      const offset = constant.offset;
      return [{ ...place, offset, kind: 'recombined', evidence, possible, isPaired: paired.length > 0 }];
    })
    .slice(0, MOST);
}

function referencesOf({ before, after }: Template, versions: readonly string[]): string[] {
  const references = versions.flatMap((version) => {
    // `name:v%s` is meant for a version without the letter.
    const bare = before.endsWith('v') ? version.replace(/^v/, '') : version;
    const parsed = tryParseReference(`${before}${bare}${after}`);
    return parsed === undefined ? [] : [formatReference(parsed)];
  });
  return [...new Set(references)];
}

function isKin(repository: string, { makers }: Subject): boolean {
  const parsed = tryParseReference(repository);
  return parsed !== undefined && makersOf(parsed).some((maker) => makers.has(maker));
}

/** The constants that are the names of variables in templates; the code has their values beside them. */
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
