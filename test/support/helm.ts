import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** A Helm version that the tests run with. */
export interface TestHelm {
  /** Version that scripts/setup --tests fetches; a program given by the variable may be another patch release of it. */
  readonly version: string;
  /** Environment variable with the path of another program, e.g. on a platform that npm has no Helm for. */
  readonly variable: string;
  /** Absolute path of the program; undefined if this version is not here. */
  readonly path: string | undefined;
}

const wanted = [
  { version: '3.17.3', variable: 'AIRGAP_HELM_3_17' },
  { version: '3.18.0', variable: 'AIRGAP_HELM_3_18' },
  { version: '4.1.4', variable: 'AIRGAP_HELM_4_1' },
];

/**
 * Returns the Helm versions under test, oldest first, whether here or not. scripts/test runs the end-to-end tests once per
 * version, given in AIRGAP_TEST_HELM; then it is the only one.
 */
export function testHelms(): TestHelm[] {
  const only = process.env.AIRGAP_TEST_HELM;
  return wanted.filter(({ version }) => !only || only === version).map(located);
}

/** Returns all Helm versions, oldest first, even in a run for one version: for tests that are about every version. */
export function everyHelm(): TestHelm[] {
  return wanted.map(located);
}

/** Returns the oldest and the newest Helm, even in a run for one version: for tests that are about both. */
export function newestAndOldestHelm(): TestHelm[] {
  return wanted.filter(({ version }) => version !== '3.18.0').map(located);
}

function located({ version, variable }: Omit<TestHelm, 'path'>): TestHelm {
  const cached = join(import.meta.dirname, '../../.cache/helm', version, 'helm');
  return { version, variable, path: process.env[variable] || (existsSync(cached) ? cached : undefined) };
}

/** Oldest and newest Helm for integration tests; the end-to-end tests cover the versions between them. */
export const HELMS: readonly TestHelm[] = testHelms().filter(({ version }) => version !== '3.18.0');
