import { execFileSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { release } from 'node:os';
import { join, resolve } from 'node:path';
import { realCharts } from '../../test/support/charts.ts';
import { Cluster, startCluster } from '../../test/support/cluster/cluster.ts';
import { insideHelm } from '../../test/support/cluster/journey/inside.ts';
import { type Leaks, leaksOf } from '../../test/support/cluster/judges/isolation.ts';
import { removeNamespaces } from '../../test/support/cluster/node/namespaces.ts';
import { withoutCluster } from '../../test/support/cluster/requirements.ts';
import { CannotRun, defineEvaluation } from '../evaluation.ts';
import { checkMissing } from '../programs.ts';
import { chartsTable, disagreements, failuresList, stricterList, untriedList } from './report.ts';
import { type Tried, tryChart } from './try-chart.ts';

const HELM = '4.1.4';

interface Results {
  readonly tried: readonly Tried[];
  readonly leaks: Leaks;
  readonly versions: string;
}

/** Charts of a folder, installed in a real Kubernetes without a way out. */
export const cluster = defineEvaluation({
  script: 'cluster',
  summary: `Carries all charts of a folder into a real Kubernetes without a way out, one after another: bundled from a stand-in
of the public registries, pushed to a private one, installed with the overrides. Needs what \`scripts/test cluster\` needs,
and a built plugin. Exit code 1 if a chart did not get everything although \`values\` had proved it, or something left the
cluster.`,
  options: {
    folder: {
      default: '',
      isArgument: true,
      help: 'NAME-VERSION.tgz, and INDEX.tsv with their flags (AIRGAP_CHARTS, or ../shared/charts)',
    },
    only: { default: '', help: 'charts whose name has this text; does not change the page' },
  },

  async measure({ folder, only }, work): Promise<Results> {
    const source = folder === '' ? realCharts() : resolve(folder);
    const archives = globSync(join(source, '*.tgz')).sort();
    const chosen = archives.filter((archive) => archive.slice(source.length).includes(only));
    if (chosen.length === 0) throw new CannotRun(`Missing: charts in ${source} (AIRGAP_CHARTS).`);
    const reason = withoutCluster();
    checkMissing(...(reason === undefined ? [] : [`a cluster (${reason})`]));
    const address = await startCluster(join(work, 'cluster'));
    try {
      const inside = new Cluster(address);
      const helm = await insideHelm(inside, HELM);
      const tried: Tried[] = [];
      for (const archive of chosen) {
        const one = await tryChart(helm, archive);
        tried.push(one);
        console.error(`${one.chart}: ${one.problem ?? JSON.stringify(one.outcome)} (${one.seconds.toFixed(0)} s)`);
      }
      return { tried, leaks: leaksOf(inside), versions: await versions(inside) };
    } finally {
      await removeNamespaces(address.name);
    }
  },

  report({ tried, leaks, versions: programs }, { only }, { node, cores, load }) {
    const names = [...new Set(leaks.names)];
    // The node asks for the registry of an image of which `values` has said that it stays public.
    const isExpected = names.length === 0 || tried.some(({ outcome }) => outcome?.values === 3);
    const asked = names.length === 0 ? '' : ` (who, what: ${names.join(', ')})`;
    return {
      figures: [
        `Last run: ${tried.length} charts; ${programs}; ${node}, ${cores} cores, ${load}.`,
        chartsTable(tried),
        `Packets that left the cluster: ${leaks.packets.length}. Public names asked for: ${names.length}${asked}.`,
        '## Public, or not pulled',
        failuresList(tried),
        '## Refused by `values`, and in no Pod of the install',
        stricterList(tried),
        '## Not tried',
        untriedList(tried),
      ].join('\n\n'),
      section: only === '' ? 'cluster' : undefined,
      faults: disagreements(tried),
      isGood: disagreements(tried).length + leaks.packets.length === 0 && isExpected,
    };
  },
});

async function versions(inside: Cluster): Promise<string> {
  const kubelet = 'jsonpath={.items[0].status.nodeInfo.kubeletVersion}';
  const kubernetes = await inside.kubectl(['get', 'nodes', '-o', kubelet]);
  const first = (program: string, ...args: readonly string[]): string => {
    const text = execFileSync(program, args, { encoding: 'utf8' });
    return /\d+\.\d+\.\d+/.exec(text)?.[0] ?? text.trim();
  };
  return [
    `Kubernetes ${kubernetes.replace('v', '')}`,
    `containerd ${first('containerd', '--version')}`,
    `runc ${first('runc', '--version')}`,
    `etcd ${first('etcd', '--version')}`,
    `docker-registry ${first('docker-registry', '--version')}`,
    `Helm ${HELM}`,
    `Linux ${release()}`,
  ].join(', ');
}
