import type { FieldPath } from '../../base/field-path.ts';
import { asMapping, type Mapping } from '../../base/mapping.ts';
import { schemeOf } from '../../oci/reference.ts';
import { argoSource } from '../artifact-sources.ts';
import { fieldsAt } from '../field-pattern.ts';
import { cleanUrl, type Fetch, gitUrl, isRemote, type NetworkKind, type NetworkMatch } from './fetch.ts';
import { grafanaPlugin } from './installers.ts';
import { evidenceText } from './script.ts';

/** A field of a custom resource from which its controller fetches. */
interface SourceField {
  /** API group without version. */
  readonly group: string;
  readonly kind: RegExp;
  /** As in {@link fieldsAt}. */
  readonly path: string;
  readonly fetched: NetworkKind | ((value: string, siblings: Mapping) => Fetch | undefined);
}

const SOURCES: readonly SourceField[] = [
  { group: 'argoproj.io', kind: /^Application(?:Set)?$/, path: 'spec.**.repoURL', fetched: argoRepository },
  { group: 'argoproj.io', kind: /Workflow/, path: 'spec.**.git.repo', fetched: 'git' },
  { group: 'argoproj.io', kind: /Workflow/, path: 'spec.**.http.url', fetched: 'download' },
  { group: 'source.toolkit.fluxcd.io', kind: /^GitRepository$/, path: 'spec.url', fetched: 'git' },
  { group: 'source.toolkit.fluxcd.io', kind: /^HelmRepository$/, path: 'spec.url', fetched: 'chart-repository' },
  { group: 'source.toolkit.fluxcd.io', kind: /^OCIRepository$/, path: 'spec.url', fetched: versionRange },
  { group: 'helm.fluxcd.io', kind: /^HelmRelease$/, path: 'spec.chart.repository', fetched: 'chart-repository' },
  { group: 'helm.fluxcd.io', kind: /^HelmRelease$/, path: 'spec.chart.git', fetched: 'git' },
  { group: 'helm.cattle.io', kind: /^HelmChart$/, path: 'spec.repo', fetched: 'chart-repository' },
  { group: 'helm.cattle.io', kind: /^HelmChart$/, path: 'spec.chart', fetched: 'chart' },
  { group: 'fleet.cattle.io', kind: /^GitRepo$/, path: 'spec.repo', fetched: 'git' },
  { group: 'catalog.cattle.io', kind: /^ClusterRepo$/, path: 'spec.url', fetched: 'chart-repository' },
  { group: 'catalog.cattle.io', kind: /^ClusterRepo$/, path: 'spec.gitRepo', fetched: 'git' },
  { group: 'kappctrl.k14s.io', kind: /^App$/, path: 'spec.fetch.[].git.url', fetched: 'git' },
  { group: 'kappctrl.k14s.io', kind: /^App$/, path: 'spec.fetch.[].http.url', fetched: 'download' },
  {
    group: 'kappctrl.k14s.io',
    kind: /^App$/,
    path: 'spec.fetch.[].helmChart.repository.url',
    fetched: 'chart-repository',
  },
  {
    group: 'helm.crossplane.io',
    kind: /^Release$/,
    path: 'spec.forProvider.chart.repository',
    fetched: 'chart-repository',
  },
  { group: 'addons.cluster.x-k8s.io', kind: /^HelmChartProxy$/, path: 'spec.repoURL', fetched: 'chart-repository' },
  { group: 'operator.cluster.x-k8s.io', kind: /Provider$/, path: 'spec.fetchConfig.url', fetched: 'download' },
  {
    group: 'core.oam.dev',
    kind: /^Application$/,
    path: 'spec.components.[].properties.url',
    fetched: 'chart-repository',
  },
  { group: 'grafana.integreatly.org', kind: /^GrafanaDashboard$/, path: 'spec.url', fetched: 'dashboard' },
  { group: 'grafana.integreatly.org', kind: /^GrafanaDashboard$/, path: 'spec.grafanaCom.id', fetched: grafanaCom },
  { group: 'grafana.integreatly.org', kind: /^Grafana/, path: 'spec.plugins.[].name', fetched: grafanaPluginOf },
  {
    group: 'kafka.strimzi.io',
    kind: /^KafkaConnect$/,
    path: 'spec.build.plugins.[].artifacts.[].url',
    fetched: 'download',
  },
  { group: 'cdi.kubevirt.io', kind: /^DataVolume$/, path: 'spec.source.http.url', fetched: 'download' },
  { group: 'longhorn.io', kind: /^BackingImage$/, path: 'spec.sourceParameters.url', fetched: 'download' },
  { group: 'serving.kserve.io', kind: /./, path: 'spec.**.storageUri', fetched: storedModel },
  { group: 'serving.kserve.io', kind: /./, path: 'spec.**.storageUris.[].uri', fetched: storedModel },
  { group: 'serving.kserve.io', kind: /^LLMInferenceService/, path: 'spec.model.uri', fetched: storedModel },
  { group: 'extensions.istio.io', kind: /^WasmPlugin$/, path: 'spec.url', fetched: wasmPlugin },
];

const GROUPS = new Set(SOURCES.map(({ group }) => group));
const HINT = new RegExp(
  `apiVersion["']?:\\s*["']?(?:${[...GROUPS].map((group) => group.replaceAll('.', '\\.')).join('|')})/`,
);

/** Reports whether a text can contain a resource with such a field. */
export function mayContainSource(text: string): boolean {
  return HINT.test(text);
}

/** Returns what the controllers of an object's kind fetch because of its fields. */
export function fetchesByResource(object: Mapping, root: FieldPath): NetworkMatch[] {
  const group = String(object.apiVersion ?? '').split('/')[0] ?? '';
  if (!GROUPS.has(group)) return [];
  return SOURCES.filter((source) => source.group === group && source.kind.test(String(object.kind))).flatMap((source) =>
    fieldsAt(object, source.path, root).flatMap(({ value, fieldPath, siblings }) => {
      const text = String(value).trim();
      const fetch =
        typeof source.fetched === 'string' ? remoteFetch(text, source.fetched) : source.fetched(text, siblings);
      return fetch === undefined
        ? []
        : [{ ...fetch, fieldPath, evidence: evidenceText(`${source.path.split('.').at(-1)}: ${text}`) }];
    }),
  );
}

function remoteFetch(text: string, kind: NetworkKind): Fetch | undefined {
  const url = kind === 'git' ? gitUrl(text) : text;
  return isRemote(url) ? { url: cleanUrl(url), kind } : undefined;
}

/** An artifact with one tag or digest is found as an image; which one a range means is known only to a registry. */
function versionRange(text: string, { ref }: Mapping): Fetch | undefined {
  const { digest, semver } = asMapping(ref);
  return semver === undefined || digest !== undefined ? undefined : remoteFetch(text, 'chart');
}

/**
 * A source with `chart` is a chart repository, one without is a Git repository or an OCI artifact. OCI registries of charts
 * have no scheme here. An artifact with one tag or digest is found as an image.
 */
function argoRepository(text: string, source: Mapping): Fetch | undefined {
  if (argoSource(source, { path: '' }).length > 0) return undefined;
  if (text.startsWith('oci://')) return remoteFetch(text, 'chart');
  if (typeof source.chart !== 'string' || source.chart === '') return remoteFetch(text, 'git');
  return remoteFetch(text.includes('://') ? text : `oci://${text}`, 'chart-repository');
}

function grafanaCom(id: string, { revision }: Mapping): Fetch {
  const path = revision === undefined ? '' : `/revisions/${revision}/download`;
  return { url: `https://grafana.com/api/dashboards/${id}${path}`, kind: 'dashboard' };
}

function grafanaPluginOf(id: string, { version }: Mapping): Fetch {
  return grafanaPlugin(id, version === undefined ? undefined : String(version));
}

/** Returns undefined for an OCI artifact: that is found as an image. */
function storedModel(text: string): Fetch | undefined {
  if (schemeOf(text) !== '') return undefined;
  if (text.startsWith('hf://')) return { url: `https://huggingface.co/${text.slice(5)}`, kind: 'model' };
  return remoteFetch(text, 'model');
}

function wasmPlugin(text: string): Fetch | undefined {
  return schemeOf(text) === '' ? remoteFetch(text, 'plugin') : undefined;
}
