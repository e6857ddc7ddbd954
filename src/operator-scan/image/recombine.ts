import { formatReference, tryParseReference } from '../../oci/reference.ts';
import type { Guess, ScanTarget } from './candidate.ts';
import type { ClassifiedConstants, UnversionedName } from './classify-constants.ts';
import type { GoString, GoStrings } from './go-strings.ts';
import {
  bareRepository,
  isSha256Digest,
  isVersion,
  type NameTemplate,
  normalizedName,
  publishersOf,
} from './image-names.ts';
import { nearbyConstants, nearbySetting, nearbyVersions, nearestConstants } from './nearby-constants.ts';
import { imageCallerOf, ownFunctionUsing, type Program } from './program.ts';
import { withVariableUses } from './variable-uses.ts';
import { linkedVersionOf, newestFirst, variableVersions } from './versions.ts';

/** Maximum versions tried with every name. With more of them, most existing images would be false positives. */
const MAX_FREE_VERSIONS = 12;
/** Maximum guesses for one program. */
const MAX_GUESSES = 60;
/** Maximum names without a registry, and uses of each; the largest operators have some hundred. */
const MAX_SHORT_NAMES = 2000;
const MAX_USES = 3;
/** Maximum versions tried with one name. */
const MAX_TRIED = 40;
/** Bytes of code around a digest that are searched for its repository, with branches between them. */
const DIGEST_DISTANCE = 4096;
const LATEST = 'latest';
const MOVING_TAG = /^latest(?:-[a-z][\w.-]{0,20})?$/;
/** Official image of Docker Hub, such as `redis`. */
const SINGLE_WORD = /^[a-z][a-z0-9-]{2,40}$/;

/** `${NAME}` with an optional suffix. */
const VARIABLE = /^\$\{(\w+)\}([\w.-]*)$/;

/** Constants that are combined into references. */
export type RecombinableConstants = Pick<
  ClassifiedConstants,
  'unversionedNames' | 'defaultVersions' | 'shortNames' | 'digests'
>;

/**
 * Combines names with their versions. Versions that the program itself pairs with a name come first; others are tried
 * in order of likelihood.
 */
export function recombine(
  program: Program,
  { unversionedNames, shortNames, digests, defaultVersions }: RecombinableConstants,
): Guess[] {
  const { elf, strings, build, target, location } = program;
  const versions = variableVersions(elf, strings, build);
  const ownTag = target.image.tag === undefined ? [] : [target.image.tag];
  const freeVersions = newestFirst([
    ...new Set([...(versions.length <= MAX_FREE_VERSIONS ? versions : []), ...ownTag]),
  ]);
  const variables = variableNameConstants(strings, [
    ...unversionedNames.flatMap(({ template }) => template.variable ?? []),
    ...defaultVersions.flatMap((text) => VARIABLE.exec(text)?.[1] ?? []),
  ]);
  const resolvedDefaults = resolveDefaults(program, defaultVersions, variables);
  const programVersions = ownStyleFirst(newestFirst([...new Set(program.versions.map(({ text }) => text))]), target);
  // A name without a registry needs evidence: an image setting next to it, or the function that uses it.
  const namedShortNames = shortNames.slice(0, MAX_SHORT_NAMES).flatMap((constant): UnversionedName[] => {
    const firstUses = { ...constant, codeOffsets: constant.codeOffsets.slice(0, MAX_USES) };
    const hasImageCaller = imageCallerOf(program, firstUses) !== undefined;
    if (
      !hasImageCaller &&
      (ownFunctionUsing(program, firstUses) === undefined ||
        !nearbyVersions(program, firstUses, 'before').some(isVersion))
    )
      return [];
    const template = { before: `${constant.text}:`, after: '' };
    return [{ constant, template, expectsVersion: hasImageCaller, isDefault: false, isUncertain: !hasImageCaller }];
  });
  const names = [...unversionedNames, ...namedShortNames].slice(0, MAX_GUESSES * 10);
  const constantsOfNames = withVariableUses(
    elf,
    names.map(({ constant }) => constant),
  );
  const guesses = names.flatMap(
    ({ constant: { offset }, template, expectsVersion, isDefault, isUncertain }, i): Guess[] => {
      const constant = constantsOfNames[i] as GoString;
      const setting = nearbySetting(program, constant);
      const isImage = imageCallerOf(program, constant) !== undefined;
      const { before, variable } = template;
      const repository = before.slice(0, before.lastIndexOf(':'));
      const linkedVersion = linkedVersionOf(repository, build);
      const variableConstant = variable === undefined ? undefined : variables.get(variable);
      const nearby = nearbyVersions(
        program,
        variableConstant ?? constant,
        variableConstant === undefined ? 'before' : 'after',
      );
      const paired = applyTemplate(template, [...(linkedVersion === undefined ? [] : [linkedVersion]), ...nearby]);
      const versionsToTry = expectsVersion || isImage ? [...(isDefault ? resolvedDefaults : []), ...freeVersions] : [];
      // A repository without a tag is weak evidence; one of the same publisher may have the operator's version.
      if (versionsToTry.length === 0 && isSamePublisher(repository, target)) versionsToTry.push(...ownTag);
      if (isImage) {
        versionsToTry.push(...programVersions);
      }
      const movingTag = movingTagBeside(program, constant);
      // `latest-full` shows the suffix of release tags too.
      const variants =
        movingTag === undefined || movingTag === LATEST
          ? []
          : versionsToTry.map((text) => text + movingTag.slice(LATEST.length));
      const tried = nearby.some(isSha256Digest) ? [] : applyTemplate(template, [...variants, ...versionsToTry]);
      // A name without a version gets this tag from the code, or `latest` from the container runtime.
      const lacksVersion = !constant.text.includes(':') && paired.length === 0;
      const isValue = setting !== undefined || (isDefault && bareRepository(constant.text) !== undefined);
      const fallbackTag = movingTag ?? (isValue ? LATEST : undefined);
      const fallback = lacksVersion && fallbackTag !== undefined ? applyTemplate(template, [fallbackTag]) : [];
      const possibleReferences = [...new Set([...[...paired, ...tried].slice(0, MAX_TRIED), ...fallback])];
      if (possibleReferences.length === 0) return [];
      const evidence =
        linkedVersion !== undefined
          ? 'a name and the version set for it by the linker'
          : nearby.length > 0
            ? 'a name and the version that the code loads next to it'
            : tried.length > 0
              ? 'a name and versions found in the program'
              : 'a name without a version';
      const found = { ...location, offset, kind: 'recombined' as const, evidence, possibleReferences };
      const isPaired = paired.length > 0 && isUncertain !== true;
      return [{ ...found, isPaired, ...(setting === undefined ? {} : { setting }) }];
    },
  );
  return [...guesses.slice(0, MAX_GUESSES), ...digestGuesses(program, digests, guesses)];
}

/** Puts versions first that have a `v` like the operator's own tag; most others are only used in comparisons. */
function ownStyleFirst(versions: readonly string[], { image }: ScanTarget): string[] {
  const hasOwnStyle = (version: string): boolean => version.startsWith('v') === (image.tag ?? '').startsWith('v');
  return [...versions.filter(hasOwnStyle), ...versions.filter((version) => !hasOwnStyle(version))];
}

/** Returns versions that are defaults of settings, with their variables resolved. */
function resolveDefaults(
  program: Program,
  defaultVersions: readonly string[],
  variables: ReadonlyMap<string, GoString>,
): string[] {
  const versions = defaultVersions.flatMap((text) => {
    const [, name = '', suffix = ''] = VARIABLE.exec(text) ?? [];
    const variableConstant = variables.get(name);
    const [version] = variableConstant === undefined ? [text] : nearbyVersions(program, variableConstant, 'after');
    return version === undefined || !isVersion(version) ? [] : [version + suffix];
  });
  return newestFirst([...new Set(versions)]).slice(0, MAX_FREE_VERSIONS);
}

/** Returns `latest` or a variant of it that the operator's own code loads next to a name. */
function movingTagBeside(program: Program, constant: GoString): string | undefined {
  const uses = ownFunctionUsing(program, constant) === undefined ? [] : constant.codeOffsets.slice(0, MAX_USES);
  return uses.flatMap((use) => nearestConstants(program, use)).find((text) => MOVING_TAG.test(text));
}

/**
 * Combines digests with repositories used by the same function, and unpaired digests with words next to them, such as
 * `redis`. The registry decides: the right repository has the digest.
 */
function digestGuesses(program: Program, digests: readonly GoString[], guesses: readonly Guess[]): Guess[] {
  const known = new Set(guesses.flatMap(({ possibleReferences }) => possibleReferences));
  const usedDigests = new Set([...known].map((reference) => reference.split('@')[1]));
  return digests.slice(0, MAX_GUESSES).flatMap((digest): Guess[] => {
    const uses = ownFunctionUsing(program, digest) === undefined ? [] : digest.codeOffsets.slice(0, MAX_USES);
    const nearby = uses.flatMap((use) => nearestConstants(program, use, DIGEST_DISTANCE));
    const repositories = nearby.filter((text) => bareRepository(text) !== undefined);
    const words = usedDigests.has(digest.text)
      ? []
      : nearbyConstants(program, digest).filter((text) => SINGLE_WORD.test(text));
    const names = [...repositories, ...words.map((word) => `docker.io/library/${word}`)];
    const references = names.flatMap((name) => normalizedName(`${name}@${digest.text}`) ?? []);
    const possibleReferences = [...new Set(references)]
      .filter((reference) => !known.has(reference))
      .slice(0, MAX_FREE_VERSIONS);
    const evidence = 'a name and a digest loaded by the same function';
    return possibleReferences.length === 0
      ? []
      : [
          {
            ...program.location,
            offset: digest.offset,
            kind: 'recombined',
            evidence,
            possibleReferences,
            isPaired: false,
          },
        ];
  });
}

function applyTemplate({ before, after }: NameTemplate, versions: readonly string[]): string[] {
  const references = versions.flatMap((version) => {
    // `name:v%s` expects a version without the `v`.
    const bareVersion = before.endsWith('v') ? version.replace(/^v/, '') : version;
    const isDigestPin = isSha256Digest(version);
    if (isDigestPin && !(before.endsWith(':') && after === '')) return [];
    const parsed = tryParseReference(
      isDigestPin ? `${before.slice(0, -1)}@${version}` : `${before}${bareVersion}${after}`,
    );
    return parsed === undefined ? [] : [formatReference(parsed)];
  });
  return [...new Set(references)];
}

function isSamePublisher(repository: string, { publishers }: ScanTarget): boolean {
  const parsed = tryParseReference(repository);
  return parsed !== undefined && publishersOf(parsed).some((publisher) => publishers.has(publisher));
}

/** Finds constants with the names of template variables; the code loads their values next to them. */
function variableNameConstants(strings: GoStrings, names: readonly string[]): Map<string, GoString> {
  const nameSet = new Set(names);
  const found = new Map<string, GoString>();
  if (nameSet.size === 0) return found;
  const starts = new Set([...nameSet].map((name) => name.charCodeAt(0)));
  for (const constant of strings.find((bytes, start) => starts.has(bytes[start] ?? 0))) {
    if (nameSet.has(constant.text)) found.set(constant.text, constant);
  }
  return found;
}

/** Maximum versions, uses of each, and guesses; operators have about ten versions of images. */
const MAX_SIDE_BY_SIDE_VERSIONS = 500;
const MAX_VERSION_USES = 8;
const MAX_SIDE_BY_SIDE_GUESSES = 40;
/** Maximum names and registries combined with one version. */
const MAX_NEAR_NAMES = 3;
const MAX_NEAR_REGISTRIES = 2;
const PLAIN_NAME = /^[a-z][a-z0-9]*(?:[-_/][a-z0-9]+)*$/;

/**
 * Finds names split into constants for registry, name and version (`gcr.io/org`, `agent`, `1.2.3`) that one of the
 * operator's own functions loads side by side. Only the registry can tell which of them belong together.
 */
export function splitNamesInCode(program: Program): Guess[] {
  const { location } = program;
  const guesses = program.versions
    .slice(0, MAX_SIDE_BY_SIDE_VERSIONS)
    .flatMap(({ text: version, offset, codeOffsets }) =>
      codeOffsets.slice(0, MAX_VERSION_USES).flatMap((use): Guess[] => {
        if (ownFunctionUsing(program, { codeOffsets: [use] }) === undefined) return [];
        const near = nearestConstants(program, use);
        const registries = near.filter(isRegistryPath).slice(0, MAX_NEAR_REGISTRIES);
        const names = near.filter((text) => PLAIN_NAME.test(text)).slice(0, MAX_NEAR_NAMES);
        const possibleReferences = registries.flatMap((registry) =>
          names.flatMap((name) => normalizedName(`${registry}/${name}:${version}`) ?? []),
        );
        const evidence = 'a registry, a name and a version loaded side by side';
        return possibleReferences.length === 0
          ? []
          : [{ ...location, offset, kind: 'recombined', evidence, possibleReferences, isPaired: false }];
      }),
    );
  return guesses.slice(0, MAX_SIDE_BY_SIDE_GUESSES);
}

/** Reports whether a text is a registry, with or without a path. */
function isRegistryPath(text: string): boolean {
  return /^[\w-]+\./.test(text) && bareRepository(`${text}/name`) !== undefined;
}
