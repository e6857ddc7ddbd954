import type { LockFile, LockFileChart, LockFileImage } from './lock-file.ts';

/** What is different between a lock file and what is there now. */
export interface LockDrift {
  readonly charts: {
    readonly added: readonly ChartEntry[];
    readonly removed: readonly ChartEntry[];
    readonly changed: readonly ChartChange[];
  };
  readonly images: {
    readonly added: readonly ImageEntry[];
    readonly removed: readonly ImageEntry[];
    /** The same name means other content by now. */
    readonly moved: readonly { readonly reference: string; readonly from: string; readonly to: string }[];
    /** Wanted, and not at their registries. */
    readonly gone: readonly ImageEntry[];
  };
}

export type ChartEntry = Pick<LockFileChart, 'name' | 'version' | 'parent'>;
export type ImageEntry = Pick<LockFileImage, 'reference' | 'charts'>;

export interface ChartChange {
  readonly name: string;
  /** As locked. */
  readonly version: string;
  readonly what: 'version' | 'digest' | 'place' | 'profiles';
  readonly from: string;
  readonly to: string;
}

/**
 * Compares a lock file with what is there now. A digest that is empty on either side is no difference: nobody has asked
 * for it. What an entry says of need, confidence and charts decides nothing, and is not compared.
 * @param gone wanted now as well, if only their registries had them
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
      // What was never locked and is below certain was no image: it is neither wanted nor gone.
      gone: gone.filter((image) => image.confidence === 'certain' || before.has(image.reference)).map(imageEntry),
    },
  };
}

/** Whether there is any difference. */
export function hasDrift({ charts, images }: LockDrift): boolean {
  return [...Object.values(charts), ...Object.values(images)].some((list) => list.length > 0);
}

type Pair = readonly [LockFileChart, LockFileChart];

/** From what is sure to what is likely: a chart may be there in several versions, and one of them may have changed. */
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
    // Another version is another archive.
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
