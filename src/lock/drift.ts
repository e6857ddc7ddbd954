import type { LockFile, LockFileChart, LockFileImage } from './lock-file.ts';

/** Differences between a lock file and the current charts and images. */
export interface LockDrift {
  readonly charts: {
    readonly added: readonly ChartEntry[];
    readonly removed: readonly ChartEntry[];
    readonly changed: readonly ChartChange[];
  };
  readonly images: {
    readonly added: readonly ImageEntry[];
    readonly removed: readonly ImageEntry[];
    /** The same reference now has another digest. */
    readonly moved: readonly { readonly reference: string; readonly from: string; readonly to: string }[];
    /** Still needed, but missing at their registries. */
    readonly gone: readonly ImageEntry[];
  };
}

export type ChartEntry = Pick<LockFileChart, 'name' | 'version' | 'parent'>;
export type ImageEntry = Pick<LockFileImage, 'reference' | 'charts'>;

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
 * @param gone images that are currently needed but missing at their registries
 */
export function driftOf(locked: LockFile, now: LockFile, gone: readonly LockFileImage[] = []): LockDrift {
  const { pairs, added, removed } = pairsOf(locked.charts, now.charts);
  const before = new Map(locked.images.map((image) => [image.reference, image]));
  const lost = new Set(gone.map(({ reference }) => reference));
  const after = new Map(now.images.map((image) => [image.reference, image]));
  return {
    charts: {
      added: added.map(chartEntry),
      removed: removed.map(chartEntry),
      changed: pairs.flatMap(([from, to]) => changesOf(from, to)),
    },
    images: {
      added: now.images.filter(({ reference }) => !before.has(reference)).map(imageEntry),
      removed: locked.images.filter(({ reference }) => !after.has(reference) && !lost.has(reference)).map(imageEntry),
      moved: locked.images.flatMap(({ reference, digest: from }) => {
        const to = after.get(reference)?.digest ?? '';
        return from === '' || to === '' || from === to ? [] : [{ reference, from, to }];
      }),
      // A reference that is neither locked nor certain was never confirmed as an image.
      gone: gone.filter((image) => image.confidence === 'certain' || before.has(image.reference)).map(imageEntry),
    },
  };
}

/** Reports whether there are any differences. */
export function hasDrift({ charts, images }: LockDrift): boolean {
  return [...Object.values(charts), ...Object.values(images)].some((list) => list.length > 0);
}

type Pair = readonly [LockFileChart, LockFileChart];

/** Rules that pair charts of one name, from strict to loose: a chart may be listed in several versions. */
const ALIKE: readonly ((a: LockFileChart, b: LockFileChart) => boolean)[] = [
  (a, b) => a.version === b.version && a.digest === b.digest && profilesOf(a) === profilesOf(b),
  (a, b) => a.version === b.version && a.parent === b.parent,
  (a, b) => a.version === b.version,
  (a, b) => a.parent === b.parent,
  () => true,
];

function pairsOf(
  locked: readonly LockFileChart[],
  now: readonly LockFileChart[],
): { pairs: Pair[]; added: LockFileChart[]; removed: LockFileChart[] } {
  const pairs: Pair[] = [];
  let removed = [...locked];
  const added = [...now];
  for (const alike of ALIKE) {
    removed = removed.filter((chart) => {
      const at = added.findIndex((other) => other.name === chart.name && alike(chart, other));
      if (at < 0) return true;
      pairs.push([chart, ...(added.splice(at, 1) as [LockFileChart])]);
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
  const isSame = from.version === to.version && from.digest !== '' && to.digest !== '';
  return [
    ...change('version', from.version, to.version),
    // Another version always has another digest.
    ...(isSame ? change('digest', from.digest, to.digest) : []),
    ...change('place', placeOf(from), placeOf(to)),
    ...change('profiles', profilesOf(from), profilesOf(to)),
  ];
}

function placeOf({ chart, repo }: LockFileChart): string {
  return [chart ?? 'inside its parent', ...(repo === undefined ? [] : [`in ${repo || 'no known repository'}`])].join(
    ' ',
  );
}

function profilesOf({ profiles }: LockFileChart): string {
  return profiles
    .map(({ name, kubeVersion, apiVersions = [] }) => {
      const details = [...(kubeVersion === undefined ? [] : [`Kubernetes ${kubeVersion}`]), ...apiVersions];
      return details.length === 0 ? name : `${name} (${details.join(', ')})`;
    })
    .join(', ');
}

function chartEntry({ name, version, parent }: LockFileChart): ChartEntry {
  return { name, version, ...(parent === undefined ? {} : { parent }) };
}

function imageEntry({ reference, charts }: LockFileImage): ImageEntry {
  return { reference, charts };
}
