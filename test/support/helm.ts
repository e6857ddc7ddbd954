import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** One Helm that the tests run on. */
export interface TestHelm {
  /** The version that scripts/setup --tests fetches; a program named by the variable may be another patch of the same minor. */
  readonly version: string;
  /** Environment variable that names another program, e.g. on a machine that npm has no Helm for. */
  readonly variable: string;
  /** Absolute path of the program, or undefined when this version is not here. */
  readonly path: string | undefined;
}

const wanted = [
  { version: '3.17.3', variable: 'AIRGAP_HELM_3_17' },
  { version: '3.18.0', variable: 'AIRGAP_HELM_3_18' },
  { version: '4.1.4', variable: 'AIRGAP_HELM_4_1' },
];

/**
 * The Helm versions under test, here or not, oldest first. scripts/test runs the end-to-end tests once a version, and
 * names it in AIRGAP_TEST_HELM; then it is the only one.
 */
export function testHelms(): TestHelm[] {
  const only = process.env.AIRGAP_TEST_HELM;
  return wanted
    .filter(({ version }) => !only || only === version)
    .map(({ version, variable }) => {
      const cached = join(import.meta.dirname, '../../.cache/helm', version, 'helm');
      return { version, variable, path: process.env[variable] || (existsSync(cached) ? cached : undefined) };
    });
}
