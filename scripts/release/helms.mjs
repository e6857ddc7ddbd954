import { build, programPath } from '../../test/support/cluster/build.ts';
import { everyHelm } from '../../test/support/helm.ts';

/** The newest of both majors, built from Go modules: no package registry has their programs. */
const NEWEST = ['3.21.4', '4.2.4'];

/** Returns the Helms of a release check, by version; `reason` if one is not here. */
export function releaseHelms() {
  const fetched = everyHelm().map(({ version, path }) => ({ version, path, reason: 'run scripts/setup --tests' }));
  const built = NEWEST.map((version) => {
    const reason = build(`helm-${version}`);
    return { version, path: programPath(`helm-${version}`), reason };
  });
  return [...fetched, ...built];
}
