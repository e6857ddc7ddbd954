import type { Guess } from './candidate.ts';
import { ownUser } from './evidence.ts';
import { bareRepository, normalised } from './names.ts';
import { constantsNear } from './pairing.ts';
import type { Program } from './recombine.ts';

/** Versions that are looked at, uses of one, and guesses; operators have some ten that belong to images. */
const MOST_VERSIONS = 500;
const MOST_USES = 8;
const MOST = 40;
/** Names and registries that are tried with one version. */
const MOST_NAMES = 3;
const MOST_REGISTRIES = 2;
const NAME = /^[a-z][a-z0-9]*(?:[-_/][a-z0-9]+)*$/;

/**
 * Names whose registry, or folder, and version stand in pieces of their own, which a function of the operator's loads side
 * by side: `gcr.io/org`, `agent`, `1.2.3`. Which belong together, only a registry can say.
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
      const evidence = 'a registry, a name and a version that the code loads side by side';
      return possible.length === 0
        ? []
        : [{ ...place, offset, kind: 'recombined', evidence, possible, isPaired: false }];
    }),
  );
  return guesses.slice(0, MOST);
}

/** A registry, with a path or without one. */
function isFolder(text: string): boolean {
  return /^[\w-]+\./.test(text) && bareRepository(`${text}/name`) !== undefined;
}
