import { dirname } from 'node:path';
import { flagsOf } from '../../test/support/chart-index.ts';
import { airgap } from '../../test/support/cli.ts';
import { type CarriedChart, carry, identityOf, remove } from '../../test/support/cluster/journey/carried-chart.ts';
import type { InsideHelm } from '../../test/support/cluster/journey/inside.ts';
import { scratchFolder } from '../../test/support/scratch.ts';

/** What became of one chart. */
export interface Tried {
  /** NAME-VERSION. */
  readonly chart: string;
  readonly seconds: number;
  /** Why it could not be bundled or installed at all; then there is no outcome. */
  readonly problem?: string;
  readonly outcome?: Outcome;
}

/** Exit codes and counts. */
export interface Outcome {
  /** References of the bundle. */
  readonly images: number;
  readonly values: number;
  /** References of which `values` says that they stay public, whether a Pod of the install has them or not. */
  readonly unmapped: readonly string[];
  readonly install: number;
  /** End of what `helm install` said if it failed. */
  readonly installProblem: string;
  readonly pods: number;
  /** Images that the kubelet pulled. */
  readonly pulled: number;
  /** Images that it did not. */
  readonly failed: readonly string[];
  /** Containers about which nothing was decided in time. */
  readonly waiting: readonly string[];
  readonly publicImages: readonly string[];
}

/** Carries a chart into the cluster, and removes it. */
export async function tryChart(helm: InsideHelm, archive: string): Promise<Tried> {
  const identity = identityOf(archive);
  const flags = flagsOf(dirname(archive), identity);
  const begun = performance.now();
  const done = (): { chart: string; seconds: number } => ({
    chart: `${identity.name}-${identity.version}`,
    seconds: (performance.now() - begun) / 1000,
  });
  let carried: CarriedChart;
  try {
    carried = await carry(helm, { path: archive, ...identity, flags, to: `${helm.cluster.registry}/mirrored` });
  } catch (error) {
    return { ...done(), problem: (await isPinned(archive, flags)) ? PINNED : firstError(error as Error) };
  }
  await remove(carried);
  // Helm leaves those of a chart's folder crds, and another version of the chart may have ones that cannot follow them.
  await helm.cluster.run(['kubectl', 'delete', 'crd', '--all']);
  const { references, values, install, settled, pulls } = carried;
  const foreign = new Set([...install.stderr.matchAll(/no matches for kind "(\w+)"/g)].map(([, kind = '']) => kind));
  if (foreign.size > 0) return { ...done(), problem: `it needs kinds of another chart (${[...foreign].join(', ')})` };
  const waiting = settled.containers.filter(({ state }) => state === 'waiting' || state === 'started');
  return {
    ...done(),
    outcome: {
      images: references.length,
      values: values.code,
      unmapped: [...new Set([...values.stderr.matchAll(/still public: (\S+)/g)].map(([, name = '']) => name))],
      install: install.code,
      installProblem: install.code === 0 ? '' : install.stderr.trim().slice(-300),
      pods: new Set(settled.containers.map(({ pod }) => pod)).size,
      pulled: pulls.pulled.length,
      failed: pulls.failed,
      waiting: waiting.map(({ pod, container, reason }) => `${pod} ${container}: ${reason}`),
      publicImages: settled.publicImages,
    },
  };
}

const PINNED = 'it pins images by digest, and no stand-in can have the digest of a real image';

async function isPinned(archive: string, flags: readonly string[]): Promise<boolean> {
  const { stdout } = await airgap(['images', archive, ...flags, '-o', 'txt'], scratchFolder());
  return stdout.includes('@sha256:');
}

/** The line that says what is wrong. */
function firstError({ message }: Error): string {
  const lines = message.split('\n');
  return (lines.find((line) => /\berror: /i.test(line)) ?? lines[0] ?? '').trim().slice(0, 300);
}
