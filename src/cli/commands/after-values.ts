import { basename } from 'node:path';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { givenArguments, givenFlags } from '../flags/given.ts';
import { airgapCommand, fileWord, nextStep, shellWord } from '../reports/next.ts';
import { among, sameRun } from './next-steps.ts';

/** Overrides that `values` wrote, and what an installation with them needs. */
interface WrittenOverrides {
  readonly chart: string;
  readonly version: string;
  /** File of the overrides; undefined if they were printed. */
  readonly file: string | undefined;
  /** Files of the post-renderer map and of the changed chart. */
  readonly map: string | undefined;
  readonly changedChart: string | undefined;
  /** Address of the pushed chart, `oci://REGISTRY/PATH`; undefined without a bundle. */
  readonly pushed: string | undefined;
  readonly plainHttp: boolean;
  /** The values are in a configuration file. */
  readonly isConfigured: boolean;
  readonly namespace: string | undefined;
}

/** After `values`: install the chart with the overrides, which come after the user's own values. */
export function afterValues(command: CommandUnknownOpts, written: WrittenOverrides): string[] {
  const { chart, file, map, isConfigured, namespace } = written;
  const ownFiles = isConfigured ? ['--values', 'VALUES.yaml'] : givenFlags(command, (flag) => flag === '--values');
  const values = [...ownFiles, '--values', file ?? 'OVERRIDES.yaml', ...givenFlags(command, isSet)];
  const postRenderer =
    map === undefined ? [] : ['--post-renderer', 'POST_RENDERER', '--post-renderer-args', `--map=${map}`];
  const { releaseName = chart } = command.opts();
  const release = [String(releaseName), ...chartWords(command, written)];
  const into = namespace === undefined ? [] : ['--namespace', namespace];
  return [
    nextStep(['helm', 'upgrade', '--install', ...release, ...into, ...values, ...postRenderer]),
    ...(map === undefined ? [] : ['  POST_RENDERER is in the head of the overrides, for Helm 3 and Helm 4']),
  ];
}

function isSet(flag: string): boolean {
  return /^--set(?:-|$)/.test(flag);
}

/** Returns the chart to install: the changed one, the pushed one, or the one that the user named. */
function chartWords(command: CommandUnknownOpts, written: WrittenOverrides): string[] {
  const { version, changedChart, pushed, plainHttp } = written;
  if (changedChart !== undefined) return [fileWord(changedChart)];
  if (pushed !== undefined) return [pushed, '--version', version, ...(plainHttp ? ['--plain-http'] : [])];
  const repository = givenFlags(command, among(['--repo', '--version', '--devel', '--username', '--password']));
  const [chart = 'CHART'] = givenArguments(command);
  return [chart, ...repository];
}

/** After `values` in another format. @param file the written file or folder; undefined if the text was printed */
export function afterFormat(
  format: string,
  file: string | undefined,
  install: () => readonly string[],
): readonly string[] {
  const path = file ?? 'FILE.yaml';
  switch (format) {
    case 'argocd':
    case 'flux':
    case 'mirrorset':
    case 'kyverno':
    case 'policy-controller':
      return [nextStep(['kubectl', 'apply', '-f', path])];
    case 'aggregate':
      return install();
    case 'kustomize':
      return [nextStep(['kubectl', 'kustomize', '.'], 'add the rendered manifests to its resources')];
    case 'containerd':
      return [`next: copy the folders in ${shellWord(file ?? 'FOLDER')} to /etc/containerd/certs.d of each node`];
    case 'k3s':
      return [
        `next: copy ${shellWord(file ?? 'FILE')} to /etc/rancher/k3s/registries.yaml of each node, and restart k3s`,
      ];
    case 'crio':
      return [`next: copy ${shellWord(file ?? 'FILE')} to /etc/containers/registries.conf.d of each node`];
    case 'talos':
      return [nextStep(['talosctl', 'patch', 'machineconfig', '--patch', `@${path}`])];
    default:
      return [];
  }
}

/** Flags of `values` on its files and on references that no value redirects. */
const VALUES_OUTPUT = [
  ...['--output', '--unmapped', '--residue', '--unmapped-map', '--residue-map', '--unmapped-chart', '--residue-chart'],
];
const FORMAT_ONLY = [
  '--out',
  '--out-dir',
  '--format',
  '--from',
  '--no-ecr-auth',
  '--no-inject',
  '--pull-secret',
  '--pin',
];

/** After `values` left references public. @param how what `--unmapped` was */
export function afterUnmapped(command: CommandUnknownOpts, how: string | undefined, chart: string): string[] {
  if (how === 'repack') return afterLeft(command);
  const { out, outDir } = command.opts();
  const files = out === undefined && outDir === undefined ? ['--out', fileWord(`${basename(chart)}.yaml`)] : [];
  const other = how === 'post-render' ? 'repack' : 'post-render';
  return [nextStep(sameRun(command, VALUES_OUTPUT, ...files, `--unmapped=${other}`))];
}

/** After `values` listed references that the format cannot redirect: let the container runtime do it. */
export function afterLeft(command: CommandUnknownOpts): string[] {
  const words = sameRun(command, [...VALUES_OUTPUT, ...FORMAT_ONLY], '--format', 'containerd', '--out-dir', 'certs.d');
  return [nextStep(words, 'decide whether the nodes can redirect the others')];
}

/** After `values` found that the bundle lacks images: bundle with the same values, or add the images. Those that do not exist are not among them. */
export function afterMissing(command: CommandUnknownOpts, references: readonly string[]): string[] {
  if (references.length === 0) return [];
  const values = givenFlags(command, (flag) => flag === '--values' || isSet(flag));
  const images = references.length > 3 ? ['--images', 'FILE'] : references.flatMap((image) => ['--image', image]);
  const words = airgapCommand('bundle', 'CHART', ...(values.length > 0 ? values : images), '--out', 'BUNDLE');
  return [nextStep(words, 'return to the connected host')];
}
