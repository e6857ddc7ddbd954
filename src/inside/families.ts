import type { Family, Guess } from './candidate.ts';
import type { GoString } from './go-strings.ts';
import { bareRepository } from './names.ts';
import { constantsBeside, type Pair, pairs } from './pairing.ts';
import type { Program } from './recombine.ts';

/** Minimum components with one version that make a list; two may be chance. */
const LEAST = 3;
/** Maximum prefixes tried for a list. */
const MOST_PREFIXES = 24;
const MOST_FAMILIES = 8;
/** Maximum name-version pairs read; the operators with the longest lists have a hundred. */
const MOST_PAIRS = 2000;
const FOLDER = /^[a-z0-9][a-z0-9_-]*\/$/;
const REGISTRY = /^(?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d+)?\/$/;

/**
 * Reads records of names and versions in data: complete repositories with their versions, and lists of components. The
 * registry and folder of a list are constants elsewhere in the program, or those of the operator itself.
 */
export function recordsOf(program: Program, prefixes: readonly GoString[]): { guesses: Guess[]; families: Family[] } {
  const { elf, strings, place } = program;
  const guesses: Guess[] = [];
  const lists = new Map<string, Pair[]>();
  let read = 0;
  for (const pair of pairs(elf, strings)) {
    const registry = strings.header(pair.offset - 16);
    const repository =
      bareRepository(pair.name) ?? (registry === undefined ? undefined : bareRepository(`${registry}/${pair.name}`));
    if (repository !== undefined) {
      const evidence = 'a repository and a version in one record';
      const possible = [`${repository}:${pair.version}`];
      guesses.push({ ...place, offset: pair.offset, kind: 'recombined', evidence, possible, isPaired: true });
    } else {
      const list = lists.get(pair.version) ?? [];
      list.push(pair);
      lists.set(pair.version, list);
    }
    if (++read >= MOST_PAIRS) break;
  }
  const tried = prefixesOf(program, prefixes);
  const families = [...lists].flatMap(([version, list]): Family[] => {
    const members = [...new Set(list.map(({ name }) => `${name}:${version}`))];
    const offset = list[0]?.offset ?? 0;
    if (members.length < LEAST) return [];
    const isInFolder = list.some(({ name }) => name.includes('/'));
    const prefixes = isInFolder ? [...new Set(tried.map((prefix) => prefix.slice(0, prefix.indexOf('/') + 1)))] : tried;
    return [{ ...place, offset, kind: 'recombined', evidence: 'a list of components', prefixes, members }];
  });
  families.sort((a, b) => b.members.length - a.members.length);
  return { guesses, families: families.slice(0, MOST_FAMILIES) };
}

/**
 * Combines registries and folders found in the program: pairs that the code loads side by side first, then the
 * operator's own folder, then all others.
 */
function prefixesOf(program: Program, constants: readonly GoString[]): string[] {
  const { image } = program.subject;
  const registries = constants.filter(({ text }) => REGISTRY.test(text) && bareRepository(`${text}name`) !== undefined);
  const beside = registries.flatMap((registry) =>
    constantsBeside(program, registry).flatMap((text) => (FOLDER.test(text) ? [registry.text + text] : [])),
  );
  const own = image.path.includes('/') ? [`${image.path.slice(0, image.path.indexOf('/'))}/`] : [];
  const folders = [...own, ...constants.map(({ text }) => text).filter((text) => FOLDER.test(text))];
  const hosts = new Set([`${image.registry}/`, ...registries.map(({ text }) => text)]);
  const others = folders.flatMap((folder) => [...hosts].map((host) => host + folder));
  return [...new Set([...beside, ...others])].slice(0, MOST_PREFIXES);
}
