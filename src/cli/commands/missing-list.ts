import { resolve } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { referenceMatcher } from '../../oci/reference-matcher.ts';
import type { Pattern } from '../../search/selection.ts';
import type { BundleOptions } from '../../workflows/bundle/bundle.ts';
import type { BundleMissingOptions } from '../../workflows/bundle/bundle-missing.ts';
import type { ChartsFlags } from '../flags/charts.ts';
import type { ImageStreamFlags } from '../flags/image-streams.ts';
import { givenFlags } from '../flags/option.ts';
import type { Settings } from '../flags/settings.ts';
import type { CommandIO } from '../run.ts';

/** Flags of `bundle` that select images, which the list does instead. */
type SelectingFlags = Pick<
  ChartsFlags & ImageStreamFlags,
  | ('kustomize' | 'manifests' | 'pods' | 'imageStreams')
  | ('include' | 'tests' | 'hooks' | 'operatorDefaults' | 'nestedCharts' | 'rules')
> & {
  readonly lock?: string;
  readonly includeInside?: true;
};

/**
 * Reads the list of missing images, and returns the options that bundle them: selections and images of the configuration
 * file do not apply, because the list says what is missing. Its charts, exclusions and registries are used.
 * @throws AirgapError `usage` for flags that select other images, `config` for an invalid list
 */
export async function bundleMissingOptions(
  { context }: CommandIO,
  file: string,
  options: BundleOptions & Pick<Settings, 'config'>,
  flags: SelectingFlags,
): Promise<BundleMissingOptions> {
  refuseSelections(flags);
  const { readMissingList } = await import('../../inventory/missing-list.ts');
  const missing = await readMissingList(resolve(context.cwd, file));
  const { add, exclude = [], config } = options;
  // Of the file's exclusions only those that matter: the others would be reported as mistyped.
  const given = exclude.length - config.exclude.length;
  const isNeeded = ({ pattern }: Pattern): boolean =>
    missing.images.some(({ reference }) => referenceMatcher(pattern)(reference));
  return {
    ...options,
    add: add.slice(0, add.length - config.images.length),
    exclude: [...exclude.slice(0, given), ...exclude.slice(given).filter(isNeeded)],
    missing,
    list: file,
  };
}

function refuseSelections(flags: SelectingFlags): void {
  const {
    lock,
    kustomize,
    manifests,
    pods,
    imageStreams,
    include = [],
    tests,
    hooks,
    operatorDefaults,
    nestedCharts,
    rules,
    includeInside,
  } = flags;
  const conflicts = givenFlags({
    '--lock': lock !== undefined,
    '--kustomize': kustomize.length > 0,
    '--manifests': manifests.length > 0,
    '--pods': pods !== undefined,
    '--image-streams': imageStreams.length > 0,
    '--include': include.length > 0,
    '--no-tests': !tests,
    '--no-hooks': !hooks,
    '--no-operator-defaults': !operatorDefaults,
    '--no-nested-charts': nestedCharts === false,
    '--rules': rules.length > 0,
    '--include-inside': includeInside === true,
  });
  if (conflicts.length === 0) return;
  throw new AirgapError('usage', `--only-missing cannot be used with ${conflicts.join(', ')}`, {
    hint: 'the list says which images are missing; --exclude leaves some out, --image adds others',
  });
}
