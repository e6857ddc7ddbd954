import type { LockFile, LockFileChart, LockFileImage } from './lock-file.ts';
import type { NotKnown } from './state.ts';

/** Differences between a lock file and the current charts and images. */
export interface LockFileDrift {
  readonly charts: {
    readonly added: readonly DriftChart[];
    readonly removed: readonly DriftChart[];
    readonly changed: readonly ChartChange[];
  };
  readonly images: {
    readonly added: readonly DriftImage[];
    readonly removed: readonly DriftImage[];
    /** The same reference now has another digest. */
    readonly moved: readonly { readonly reference: string; readonly from: string; readonly to: string }[];
    /** Still needed, but missing at their registries, and not accepted as missing. */
    readonly gone: readonly DriftImage[];
  };
  /** What is not understood of the current charts; no difference by itself. */
  readonly notKnown?: readonly NotKnown[];
}

export type DriftChart = Pick<LockFileChart, 'name' | 'version' | 'parent'>;
export type DriftImage = Pick<LockFileImage, 'reference' | 'charts'>;

export interface ChartChange {
  readonly name: string;
  /** Version in the lock file. */
  readonly version: string;
  readonly what: 'version' | 'digest' | 'place' | 'profiles';
  readonly from: string;
  readonly to: string;
}

/**
 * Compares a lock file with the current charts and images. Digests that are empty on either side were not resolved and
 * are not compared, nor are need, confidence and charts of images.
 * @param gone certain images that are currently needed but missing at their registries
 */
export function driftOf(locked: LockFile, current: LockFile, gone: readonly LockFileImage[] = []): LockFileDrift {
  const { pairs, added, removed } = pairCharts(locked.charts, current.charts);
  const before = new Map(locked.images.map((image) => [image.reference, image]));
  const goneReferences = new Set(gone.map(({ reference }) => reference));
  // Without registries, what is missing is known from the file only.
  const isMissing = ({ reference, state, digest }: LockFileImage): boolean =>
    state === 'missing' || (digest === '' && before.get(reference)?.state === 'missing');
  const isAccepted = ({ reference, allowed }: LockFileImage): boolean =>
    (allowed ?? before.get(reference)?.allowed) !== undefined;
  const after = new Map(current.images.map((image) => [image.reference, image]));
  return {
    charts: {
      added: added.map(driftChart),
      removed: removed.map(driftChart),
      changed: pairs.flatMap(([from, to]) => changesOf(from, to)),
    },
    images: {
      added: current.images
        .filter((image) => {
          const entry = before.get(image.reference);
          return !isMissing(image) && (entry === undefined || entry.state === 'missing');
        })
        .map(driftImage),
      removed: locked.images
        .filter(({ reference }) => !after.has(reference) && !goneReferences.has(reference))
        .map(driftImage),
      moved: locked.images.flatMap(({ reference, digest: from }) => {
        const to = after.get(reference)?.digest ?? '';
        return from === '' || to === '' || from === to ? [] : [{ reference, from, to }];
      }),
      gone: [...gone, ...current.images.filter((image) => isMissing(image) && !isAccepted(image))].map(driftImage),
    },
    ...(current.notKnown && { notKnown: current.notKnown }),
  };
}

/** Reports whether there are any differences, or images that are missing. */
export function hasDrift(drift: LockFileDrift): boolean {
  return drift.images.gone.length > 0 || isOutOfDate(drift);
}

/** Reports whether a new lock file would have other charts or images than those that are missing. */
export function isOutOfDate({ charts, images: { gone: _, ...images } }: LockFileDrift): boolean {
  return [...Object.values(charts), ...Object.values(images)].some((list) => list.length > 0);
}

type ChartPair = readonly [LockFileChart, LockFileChart];

/** Rules that pair charts of one name, from strict to loose: a chart may be listed in several versions. */
const PAIRING_RULES: readonly ((a: LockFileChart, b: LockFileChart) => boolean)[] = [
  (a, b) => a.version === b.version && a.digest === b.digest && profilesText(a) === profilesText(b),
  (a, b) => a.version === b.version && a.parent === b.parent,
  (a, b) => a.version === b.version,
  (a, b) => a.parent === b.parent,
  () => true,
];

function pairCharts(
  locked: readonly LockFileChart[],
  current: readonly LockFileChart[],
): { pairs: ChartPair[]; added: LockFileChart[]; removed: LockFileChart[] } {
  const pairs: ChartPair[] = [];
  let removed = [...locked];
  const added = [...current];
  for (const isPair of PAIRING_RULES) {
    removed = removed.filter((chart) => {
      const index = added.findIndex((other) => other.name === chart.name && isPair(chart, other));
      if (index < 0) return true;
      pairs.push([chart, ...(added.splice(index, 1) as [LockFileChart])]);
      return false;
    });
  }
  pairs.sort(([a], [b]) => locked.indexOf(a) - locked.indexOf(b));
  return { pairs, added, removed };
}

function changesOf(from: LockFileChart, to: LockFileChart): ChartChange[] {
  const { name, version } = from;
  const change = (what: ChartChange['what'], before: string, after: string): ChartChange[] =>
    before === after ? [] : [{ name, version, what, from: before, to: after }];
  const areDigestsComparable = from.version === to.version && from.digest !== '' && to.digest !== '';
  return [
    ...change('version', from.version, to.version),
    // Another version always has another digest.
    ...(areDigestsComparable ? change('digest', from.digest, to.digest) : []),
    ...change('place', sourceText(from), sourceText(to)),
    ...change('profiles', profilesText(from), profilesText(to)),
  ];
}

function sourceText({ chart, repo }: LockFileChart): string {
  return [chart ?? 'inside its parent', ...(repo === undefined ? [] : [`in ${repo || 'no known repository'}`])].join(
    ' ',
  );
}

function profilesText({ profiles }: LockFileChart): string {
  return profiles
    .map(({ name, kubeVersion, apiVersions = [] }) => {
      const details = [...(kubeVersion === undefined ? [] : [`Kubernetes ${kubeVersion}`]), ...apiVersions];
      return details.length === 0 ? name : `${name} (${details.join(', ')})`;
    })
    .join(', ');
}

function driftChart({ name, version, parent }: LockFileChart): DriftChart {
  return { name, version, parent };
}

function driftImage({ reference, charts }: LockFileImage): DriftImage {
  return { reference, charts };
}
