import type { Guess } from './candidate.ts';
import { ownFunctionUsing } from './evidence.ts';
import { bareRepository, normalizedName } from './image-names.ts';
import { nearestConstants } from './nearby-constants.ts';
import type { Program } from './recombine.ts';

/** Maximum versions, uses of each, and guesses; operators have about ten versions of images. */
const MAX_VERSIONS = 500;
const MAX_USES = 8;
const MAX_GUESSES = 40;
/** Maximum names and registries combined with one version. */
const MAX_NAMES = 3;
const MAX_REGISTRIES = 2;
const NAME = /^[a-z][a-z0-9]*(?:[-_/][a-z0-9]+)*$/;

/**
 * Finds names split into constants for registry, name and version (`gcr.io/org`, `agent`, `1.2.3`) that one of the
 * operator's own functions loads side by side. Only the registry can tell which of them belong together.
 */
export function splitNamesInCode(program: Program): Guess[] {
  const { location } = program;
  const guesses = program.versions.slice(0, MAX_VERSIONS).flatMap(({ text: version, offset, codeOffsets }) =>
    codeOffsets.slice(0, MAX_USES).flatMap((use): Guess[] => {
      if (ownFunctionUsing(program, { codeOffsets: [use] }) === undefined) return [];
      const near = nearestConstants(program, use);
      const registries = near.filter(isRegistryPath).slice(0, MAX_REGISTRIES);
      const names = near.filter((text) => NAME.test(text)).slice(0, MAX_NAMES);
      const possibleReferences = registries.flatMap((registry) =>
        names.flatMap((name) => normalizedName(`${registry}/${name}:${version}`) ?? []),
      );
      const evidence = 'a registry, a name and a version loaded side by side';
      return possibleReferences.length === 0
        ? []
        : [{ ...location, offset, kind: 'recombined', evidence, possibleReferences, isPaired: false }];
    }),
  );
  return guesses.slice(0, MAX_GUESSES);
}

/** Reports whether a text is a registry, with or without a path. */
function isRegistryPath(text: string): boolean {
  return /^[\w-]+\./.test(text) && bareRepository(`${text}/name`) !== undefined;
}
