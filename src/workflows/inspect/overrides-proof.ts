import type { Bundle } from '../../bundle/reading/bundle.ts';
import type { Inventory } from '../../inventory/inventory.ts';
import type { BundledProfile } from '../../inventory/values-origin.ts';
import { formatTarget, type Target } from '../../naming/naming.ts';
import type { OnPurpose } from '../../search/reference-decisions.ts';
import type { ChartJob } from '../../search/search-charts.ts';
import type { Context } from '../../session/context.ts';
import { withWrittenNames } from '../push/written-names.ts';
import { isIncomplete } from '../values/bundle-coverage.ts';
import type { FailedOverrides, Overrides } from '../values/values.ts';

/** For which registry, and with which values, the overrides of a bundle are proved. */
export interface ProofRequest {
  readonly target: Target;
  /** Charts and profiles of a configuration file; without it, every chart of the bundle with its default values. */
  readonly jobs?: readonly ChartJob[];
  /** Images that stay public on purpose. */
  readonly onPurpose?: OnPurpose;
  /** What redirects references that no value redirects. */
  readonly unmapped?: 'post-render' | 'repack';
}

/** Proofs of a bundle's charts for one registry: each was rendered with its overrides. */
export interface OverridesProof {
  /** `registry[/prefix]`. */
  readonly target: string;
  readonly unmapped?: 'post-render' | 'repack';
  readonly proved: readonly Overrides[];
  /** Charts that did not render, or whose overrides could not be derived. */
  readonly failed: readonly FailedOverrides[];
  /** Charts and profiles of the bundle that were not rendered, because their values were not given. */
  readonly notRendered: readonly {
    readonly chart: string;
    /** Absent if the profiles are of any version. */
    readonly version?: string;
    readonly profiles: readonly BundledProfile[];
  }[];
}

/**
 * Derives the overrides of an open bundle's charts for a registry, and proves them by rendering, as `values` does.
 * @throws AirgapError errors that are not about a single chart: `chart-not-found`, `helm-missing`, `collision`
 */
export async function proveOverrides(
  context: Context,
  source: Bundle,
  { target: named, jobs, unmapped, onPurpose }: ProofRequest,
): Promise<OverridesProof> {
  const target = withWrittenNames(named, [source]);
  const failed: FailedOverrides[] = [];
  const options = {
    ...{ target, jobs, onPurpose, request: undefined, render: {} },
    // Nothing is written, so the files need no names.
    unmappedHandling: unmapped && { how: unmapped, expect: () => {}, fileName: () => '' },
  };
  // Half of the program's code, which a report without a proof does not need.
  const { overridesOf } = await import('../values/values.ts');
  const proved = await overridesOf(context, source, options, (failure) => failed.push(failure));
  return {
    target: formatTarget(target),
    ...(unmapped && { unmapped }),
    proved,
    failed,
    notRendered: notRendered(source.inventory()?.charts ?? [], proved, failed, jobs !== undefined),
  };
}

/** Reports whether everything that was rendered is private or public on purpose, and what has to be pulled is in the bundle. */
export function isProved({ proved, failed }: OverridesProof): boolean {
  return failed.length === 0 && !proved.some(isIncomplete);
}

/** @param isGiven the values were given: else a chart that another one installs was not rendered with those that it gets there */
function notRendered(
  charts: Inventory['charts'],
  proved: readonly Overrides[],
  failed: readonly FailedOverrides[],
  isGiven: boolean,
): OverridesProof['notRendered'] {
  const rendered = new Set([...proved, ...failed].map(({ chart, version }) => JSON.stringify([chart, version])));
  const left = new Map(proved.flatMap(({ chart, otherProfiles }) => (otherProfiles ? [[chart, otherProfiles]] : [])));
  return [
    ...[...left].map(([chart, profiles]) => ({ chart, profiles })),
    ...charts
      .filter(
        ({ name, version, parent }) =>
          !rendered.has(JSON.stringify([name, version])) || (parent !== undefined && !isGiven),
      )
      .map(({ name, version, profiles, parent }) => ({
        ...{ chart: name, version },
        profiles: profiles.map(({ name, given }) => ({ name, given, parent })),
      })),
  ];
}
