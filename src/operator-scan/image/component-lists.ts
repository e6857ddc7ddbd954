import type { ComponentList, Guess } from './candidate.ts';
import type { GoString } from './go-strings.ts';
import { bareRepository } from './image-names.ts';
import { type NameVersionPair, nameVersionPairs, nearbyConstants } from './nearby-constants.ts';
import type { Program } from './program.ts';

/** Minimum components with one version that make a list; two may be chance. */
const MIN_COMPONENTS = 3;
/** Maximum prefixes tried for a list. */
const MAX_PREFIXES = 24;
const MAX_COMPONENT_LISTS = 8;
/** Maximum name-version pairs read; the operators with the longest lists have a hundred. */
const MAX_PAIRS = 2000;
const FOLDER = /^[a-z0-9][a-z0-9_-]*\/$/;
const REGISTRY = /^(?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d+)?\/$/;

/**
 * Reads records of names and versions in data: complete repositories with their versions, and lists of components. The
 * registry and folder of a list are constants elsewhere in the program, or those of the operator itself.
 */
export function readRecords(
  program: Program,
  prefixes: readonly GoString[],
): { guesses: Guess[]; componentLists: ComponentList[] } {
  const { elf, strings, location } = program;
  const guesses: Guess[] = [];
  const lists = new Map<string, NameVersionPair[]>();
  let pairCount = 0;
  for (const pair of nameVersionPairs(elf, strings)) {
    const registry = strings.headerText(pair.offset - 16);
    const repository =
      bareRepository(pair.name) ?? (registry === undefined ? undefined : bareRepository(`${registry}/${pair.name}`));
    if (repository !== undefined) {
      const evidence = 'a repository and a version in one record';
      const possibleReferences = [`${repository}:${pair.version}`];
      guesses.push({
        ...location,
        offset: pair.offset,
        kind: 'recombined',
        evidence,
        possibleReferences,
        isPaired: true,
      });
    } else {
      const list = lists.get(pair.version) ?? [];
      list.push(pair);
      lists.set(pair.version, list);
    }
    if (++pairCount >= MAX_PAIRS) break;
  }
  const allPrefixes = possiblePrefixes(program, prefixes);
  const componentLists = [...lists].flatMap(([version, list]): ComponentList[] => {
    const components = [...new Set(list.map(({ name }) => `${name}:${version}`))];
    const offset = list[0]?.offset ?? 0;
    if (components.length < MIN_COMPONENTS) return [];
    const namesHaveFolder = list.some(({ name }) => name.includes('/'));
    const prefixes = namesHaveFolder
      ? [...new Set(allPrefixes.map((prefix) => prefix.slice(0, prefix.indexOf('/') + 1)))]
      : allPrefixes;
    return [{ ...location, offset, kind: 'recombined', evidence: 'a list of components', prefixes, components }];
  });
  componentLists.sort((a, b) => b.components.length - a.components.length);
  return { guesses, componentLists: componentLists.slice(0, MAX_COMPONENT_LISTS) };
}

/**
 * Combines registries and folders found in the program: pairs that the code loads side by side first, then the
 * operator's own folder, then all others.
 */
function possiblePrefixes(program: Program, constants: readonly GoString[]): string[] {
  const { image } = program.target;
  const registries = constants.filter(({ text }) => REGISTRY.test(text) && bareRepository(`${text}name`) !== undefined);
  const adjacent = registries.flatMap((registry) =>
    nearbyConstants(program, registry).flatMap((text) => (FOLDER.test(text) ? [registry.text + text] : [])),
  );
  const ownFolder = image.path.includes('/') ? [`${image.path.slice(0, image.path.indexOf('/'))}/`] : [];
  const folders = [...ownFolder, ...constants.map(({ text }) => text).filter((text) => FOLDER.test(text))];
  const hosts = new Set([`${image.registry}/`, ...registries.map(({ text }) => text)]);
  const others = folders.flatMap((folder) => [...hosts].map((host) => host + folder));
  return [...new Set([...adjacent, ...others])].slice(0, MAX_PREFIXES);
}
