import type { Stage } from './stage.ts';

/**
 * How much a failure matters: `must` breaks a run against a registry that people have, `should` is slow or says too
 * little, `may` is rare.
 */
export type Weight = 'must' | 'should' | 'may';

/** One quirk of real registries, and what the tool makes of it. */
export interface Quirk {
  /** `GROUP/NAME`, words joined by hyphens. */
  readonly id: string;
  readonly weight: Weight;
  /** Registries, proxies or clients that show it. */
  readonly shownBy: string;
  /** Where that is told: an issue, a specification, another client's code; `-` when it is plain. */
  readonly source: string;
  /** What the tool is to do. */
  readonly wanted: string;
  /**
   * Seconds that it takes by its nature, mostly waiting; only where they are ten or more. Those of more than a minute are
   * left to `npm run quirks`.
   */
  readonly seconds?: number;
  /** Sets up fakes, runs the program, and checks what it has done. Throws when that is not what is wanted. */
  readonly run: (stage: Stage) => Promise<void>;
}

export const QUIRKS: Quirk[] = [];

/** Adds a quirk to those that are tried. @throws Error when there is one of that id */
export function quirk(one: Quirk): void {
  if (QUIRKS.some(({ id }) => id === one.id)) throw new Error(`there are two quirks ${one.id}`);
  QUIRKS.push(one);
}

/** What is told of one of several cases that are alike, by its name, and otherwise of all of them. */
export function toldOf(name: string | number, told: Readonly<Record<string, string>>, otherwise = '-'): string {
  return told[name] ?? otherwise;
}

/** Weight of one of several cases that are alike: `may` for those named, `must` for the others. */
export function rareAre(names: readonly (string | number)[], name: string | number): Weight {
  return names.includes(name) ? 'may' : 'must';
}
