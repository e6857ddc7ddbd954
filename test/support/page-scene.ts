import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { chartYaml, writeFiles } from './charts.ts';
import { airgapOk, helmUnderTest, program, type Run } from './cli.ts';
import { type NamedHost, type NamedHosts, startNamedHosts } from './named-hosts.ts';
import { startRegistry, type TestRegistry } from './registry.ts';
import { scratchFolder } from './scratch.ts';
import { fillUpstream } from './upstream.ts';

/** What the pages in docs/ are about: registries under the names that they have there, and small charts with the names of real ones. */

export interface PageScene {
  /** Folder of charts as archives, which each page gets a copy of. */
  readonly charts: string;
  /** Content of all public registries, below their names. */
  readonly upstream: TestRegistry;
  /** The private registry. */
  readonly target: TestRegistry;
  readonly env: Readonly<Record<string, string>>;
  readonly named: NamedHosts;
  /** Runs the plugin in a folder. @throws Error unless it ends with 0 */
  airgap(cwd: string, ...args: readonly string[]): Promise<Run>;
  /** Creates the folders of a reader, of which the working folder has the charts, and empties the private registry. */
  reader(): { readonly cwd: string; readonly home: string; readonly env: Readonly<Record<string, string>> };
  stop(): Promise<void>;
}

export interface SceneOptions {
  /** Synthetic images by their full names. */
  readonly images: readonly string[];
  /** Names of the private registry. */
  readonly targets?: readonly string[];
  /** Further hosts by name. */
  readonly hosts?: Readonly<Record<string, NamedHost>>;
}

/** Starts the registries and fills the public ones. */
export async function startScene({ images, targets = [], hosts = {} }: SceneOptions): Promise<PageScene> {
  const [upstream, target] = await Promise.all([startRegistry(), startRegistry()]);
  await fillUpstream(upstream.host, images);
  const sources = [...new Set(images.map((image) => image.split('/')[0] ?? ''))].filter((name) => !(name in hosts));
  const named = await startNamedHosts({
    ...Object.fromEntries(
      sources.map((name) => [
        name === 'docker.io' ? 'registry-1.docker.io' : name,
        { registry: upstream.host, prefix: name },
      ]),
    ),
    ...Object.fromEntries(targets.map((name) => [name, { registry: target.host }])),
    ...hosts,
  });
  const [charts, home] = [scratchFolder(), scratchFolder()];
  return {
    charts,
    upstream,
    target,
    env: named.env,
    named,
    airgap: (cwd, ...args) => airgapOk(args, home, { cwd, env: named.env }),
    reader() {
      const cwd = scratchFolder();
      rmSync(target.repositories, { recursive: true, force: true });
      cpSync(charts, cwd, { recursive: true });
      return { cwd, home: scratchFolder(), env: named.env };
    },
    async stop() {
      await Promise.all([named.stop(), upstream.stop(), target.stop()]);
    },
  };
}

/** Files of a chart by path. */
type ChartFiles = Readonly<Record<string, string>>;

const SECRETS = '{{- with .Values.global.imagePullSecrets }}\n      imagePullSecrets: {{ toJson . }}\n{{- end }}';
const deployment = (name: string, image: string, more = ''): string => `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      ${SECRETS}
      containers:
        - name: ${name}
          image: ${image}
${more}`;
const JETSTACK = 'quay.io/jetstack/cert-manager';

/** Images of {@link certManager}. */
export function certManagerImages(version: string): string[] {
  return ['acmesolver', 'cainjector', 'controller', 'startupapicheck', 'webhook'].map(
    (part) => `${JETSTACK}-${part}:${version}`,
  );
}

/** A chart with the images of cert-manager and its values for them, in 1% of its size. */
export function certManager(version: string): ChartFiles {
  const image = (part: string): string => `    repository: ${JETSTACK}-${part}\n`;
  const of = (path: string): string => `"{{ .Values.${path}.repository }}:{{ .Chart.AppVersion }}"`;
  return {
    'Chart.yaml': chartYaml('cert-manager', version, `appVersion: ${version}\n`),
    'values.yaml': `global: {imagePullSecrets: []}\nimage:\n  repository: ${JETSTACK}-controller\nacmesolver:\n  image:\n${image('acmesolver')}cainjector:\n  image:\n${image('cainjector')}webhook:\n  image:\n${image('webhook')}startupapicheck:\n  image:\n${image('startupapicheck')}`,
    'templates/controller.yaml': deployment(
      '{{ .Release.Name }}-cert-manager',
      of('image'),
      `          args: ["--v=2", "--cluster-resource-namespace=a", "--leader-election-namespace=b", "--acme-http01-solver-image={{ .Values.acmesolver.image.repository }}:{{ .Chart.AppVersion }}"]\n`,
    ),
    'templates/cainjector.yaml': deployment('{{ .Release.Name }}-cert-manager-cainjector', of('cainjector.image')),
    'templates/webhook.yaml': deployment('{{ .Release.Name }}-cert-manager-webhook', of('webhook.image')),
    'templates/job.yaml': `apiVersion: batch/v1
kind: Job
metadata: {name: "{{ .Release.Name }}-cert-manager-startupapicheck"}
spec:
  template:
    spec:
      restartPolicy: OnFailure
      ${SECRETS}
      containers:
        - {name: check, image: ${of('startupapicheck.image')}}
`,
  };
}

/** Images of {@link fluentBit}, the last one of a container that is off by default. */
export const FLUENT_BIT_IMAGES = [
  'cr.fluentbit.io/fluent/fluent-bit:5.1.1',
  'docker.io/library/busybox:latest',
  'ghcr.io/jimmidyson/configmap-reload:v0.15.0',
];

/** A chart with the images of fluent-bit, of which one is for a container that is off by default, and one for its test. */
export function fluentBit(): ChartFiles {
  const of = (path: string): string => `"{{ .Values.${path}.repository }}:{{ .Values.${path}.tag }}"`;
  const [main = '', , reload = ''] = FLUENT_BIT_IMAGES;
  const [repository = '', tag = ''] = main.split(':');
  const [reloadRepository = '', reloadTag = ''] = reload.split(':');
  return {
    'Chart.yaml': chartYaml('fluent-bit', '0.58.1'),
    'values.yaml': `image: {repository: ${repository}, tag: "${tag}"}\ntestFramework: {image: {repository: busybox, tag: latest}}\nhotReload: {enabled: false, image: {repository: ${reloadRepository}, tag: ${reloadTag}}}\n`,
    'templates/daemonset.yaml': `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: "{{ .Release.Name }}-fluent-bit"}
spec:
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      containers:
        - {name: fluent-bit, image: ${of('image')}}
{{- if .Values.hotReload.enabled }}
        - {name: reloader, image: ${of('hotReload.image')}}
{{- end }}
`,
    'templates/test.yaml': `apiVersion: v1
kind: Pod
metadata: {name: test, annotations: {helm.sh/hook: test}}
spec: {containers: [{name: wget, image: ${of('testFramework.image')}}]}
`,
  };
}

/** Packages a chart. @param folder of the archive, `NAME-VERSION.tgz` */
export async function packageChart(files: ChartFiles, folder: string): Promise<void> {
  const home = scratchFolder();
  await program(helmUnderTest(), ['package', await writeFiles(join(home, 'chart'), files), '-d', folder], home);
}
