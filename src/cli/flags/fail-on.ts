import { Option } from '@commander-js/extra-typings';
import type { NotKnown } from '../../inventory/state.ts';

/** Returns the option that makes a gate of what is not known. */
export function failOnOption() {
  return new Option('--fail-on <state>', 'exit with 3 if anything is in this state').choices(['not-known'] as const);
}

/** The flag of {@link failOnOption}. */
export interface FailOnFlag {
  readonly failOn?: 'not-known';
}

/**
 * Reports whether a run ends with exit code 3 for what is not known: if that was asked for, or if there are resources that nothing
 * explains and nothing else was found.
 * @param found number of images that were found
 */
export function failsOn({ failOn }: FailOnFlag, notKnown: readonly NotKnown[] = [], found = 1): boolean {
  if (failOn !== undefined) return notKnown.length > 0;
  return found === 0 && notKnown.some(({ what }) => what === 'kind');
}
