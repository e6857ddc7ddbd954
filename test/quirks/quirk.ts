import type { Stage } from './stage.ts';

/**
 * Weight of a failure: `must` breaks runs against common registries, `should` is slow or reports too little, `may` is rare.
 */
export type Weight = 'must' | 'should' | 'may';

/** A quirk of real registries, and the expected behaviour of the plugin. */
export interface Quirk {
  /** `GROUP/NAME`, words joined by hyphens. */
  readonly id: string;
  readonly weight: Weight;
  /** Registries, proxies or clients that have it. */
  readonly seenIn: string;
  /** An issue, a specification or another client's code; `-` if it is common knowledge. */
  readonly source: string;
  /** Expected behaviour of the plugin. */
  readonly expected: string;
  /**
   * Seconds that it takes, mostly waiting, if ten or more. Those of more than a minute run only with `npm run quirks`.
   */
  readonly seconds?: number;
  /** Sets up fakes, runs the plugin and checks the result. @throws Error if it is not as expected */
  readonly run: (stage: Stage) => Promise<void>;
}

export const QUIRKS: Quirk[] = [];

/** Registers a quirk. @throws Error if its id is taken */
export function quirk(added: Quirk): void {
  if (QUIRKS.some(({ id }) => id === added.id)) throw new Error(`there are two quirks ${added.id}`);
  QUIRKS.push(added);
}

/** Returns the text of one of several similar cases by its name, or the text of all others. */
export function textFor(name: string | number, texts: Readonly<Record<string, string>>, otherwise = '-'): string {
  return texts[name] ?? otherwise;
}

/** Weight of one of several similar cases: `may` for rare ones, `must` for the others. */
export function weightFor(rare: readonly (string | number)[], name: string | number): Weight {
  return rare.includes(name) ? 'may' : 'must';
}
