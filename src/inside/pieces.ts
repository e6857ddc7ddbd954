import type { Guess } from './candidate.ts';
import { ownUser } from './evidence.ts';
import { bareRepository, normalised } from './names.ts';
import { constantsNear } from './pairing.ts';
import type { Program } from './recombine.ts';

/** Maximum versions, uses of each, and guesses; operators have about ten versions of images. */
const MOST_VERSIONS = 500;
const MOST_USES = 8;
const MOST = 40;
/** Maximum names and registries combined with one version. */
const MOST_NAMES = 3;
const MOST_REGISTRIES = 2;
const NAME = /^[a-z][a-z0-9]*(?:[-_/][a-z0-9]+)*$/;

/**
 * Finds names split into constants for registry, name and version (`gcr.io/org`, `agent`, `1.2.3`) that one of the
 * operator's own functions loads side by side. Only the registry can tell which of them belong together.
 */
export function namesInPieces(program: Program): Guess[] {
  const { place } = program;
  const guesses = program.versions.slice(0, MOST_VERSIONS).flatMap(({ text: version, offset, code }) =>
    code.slice(0, MOST_USES).flatMap((use): Guess[] => {
      if (ownUser(program, { code: [use] }) === undefined) return [];
      const near = constantsNear(program, use);
      const registries = near.filter(isFolder).slice(0, MOST_REGISTRIES);
      const names = near.filter((text) => NAME.test(text)).slice(0, MOST_NAMES);
      const possible = registries.flatMap((registry) =>
        names.flatMap((name) => normalised(`${registry}/${name}:${version}`) ?? []),
      );
      const evidence = 'a registry, a name and a version loaded side by side';
      return possible.length === 0
        ? []
        : [{ ...place, offset, kind: 'recombined', evidence, possible, isPaired: false }];
    }),
  );
  return guesses.slice(0, MOST);
}

/** Checks for a registry, with or without a path. */
function isFolder(text: string): boolean {
  return /^[\w-]+\./.test(text) && bareRepository(`${text}/name`) !== undefined;
}
