import { Document } from 'yaml';
import { type KeyPath, parseFieldPath } from '../../base/field-path.ts';
import { checkName, toFileName } from '../../base/names.ts';
import { YAML_1_1 } from '../../base/yaml-text.ts';
import { parseEcrHost } from '../../ecr/hosts.ts';
import { chartRepository, chartTag } from '../../naming/naming.ts';
import { MediaType } from '../../oci/descriptor.ts';
import { formatRepository } from '../../oci/reference.ts';
import { commentBlock, type DeliveredChart, type GeneratedFiles } from './format.ts';
import { type HostManifest, joinDocuments, mergeValues, parseDocuments } from './host-manifest.ts';

const SOURCE_API = 'source.toolkit.fluxcd.io/v1';

/**
 * Formats a Flux `HelmRelease` (helm.toolkit.fluxcd.io/v2) with the overrides in `values` and the chart at the target.
 * Updates the given manifest, keeps the rest of it and adds a source, or creates a minimal one.
 */
export function formatFlux(chart: DeliveredChart, hostManifest?: HostManifest): GeneratedFiles {
  const text = hostManifest
    ? joinDocuments(updateHostManifest(chart, hostManifest))
    : commentBlock(chart.header) + joinDocuments(newResources(chart));
  return { files: [{ path: `${toFileName(chart.name)}.yaml`, text }], left: [] };
}

function newResources(chart: DeliveredChart): Document[] {
  const { overrides } = chart;
  const releaseName = checkName('release name', chart.releaseName, `chart ${chart.name}`);
  const namespace = checkName('namespace', chart.namespace, 'HELM_NAMESPACE', 'usage');
  const release = {
    apiVersion: 'helm.toolkit.fluxcd.io/v2',
    kind: 'HelmRelease',
    metadata: { name: releaseName, namespace },
    spec: {
      interval: '1h',
      chartRef: { kind: 'OCIRepository', name: releaseName },
      values: overrides,
    },
  };
  return [ociRepository(chart, { name: releaseName, namespace }), toDocument(release)];
}

function updateHostManifest(chart: DeliveredChart, { text, document: index, path }: HostManifest): Document[] {
  const documents = parseDocuments(text);
  const release = documents[index] as Document;
  const root = parseFieldPath(path.slice(0, path.indexOf('spec.')));
  const spec = [...root, 'spec'];
  const name = String(release.getIn([...root, 'metadata', 'name']) ?? chart.releaseName);
  const namespace = release.getIn([...root, 'metadata', 'namespace']);
  const metadata = { name: `${name}-airgap`, ...(typeof namespace === 'string' ? { namespace } : {}) };
  mergeValues(release, spec, { values: chart.overrides });
  if (path.endsWith('spec.chart.spec')) {
    const template = [...spec, 'chart', 'spec'];
    release.setIn([...template, 'chart'], chart.name);
    release.setIn([...template, 'version'], chart.version);
    release.setIn([...template, 'sourceRef'], release.createNode({ kind: 'HelmRepository', name: metadata.name }));
    return withSource(documents, helmRepository(chart, metadata));
  }
  const source = findSource(documents, release, [...spec, 'chartRef']);
  if (source !== undefined) {
    mergeValues(source, ['spec'], { url: chartUrl(chart) });
    source.setIn(['spec', 'ref'], source.createNode({ tag: chartTag(chart.version) }));
    return documents;
  }
  release.setIn([...spec, 'chartRef'], release.createNode({ kind: 'OCIRepository', name: metadata.name }));
  return withSource(documents, ociRepository(chart, metadata));
}

/** Appends a source, replacing the one added by an earlier run. */
function withSource(documents: readonly Document[], source: Document): Document[] {
  const resourceId = (document: Document): string => `${document.get('kind')} ${document.getIn(['metadata', 'name'])}`;
  return [...documents.filter((document) => resourceId(document) !== resourceId(source)), source];
}

/** Finds the OCIRepository that a release refers to, if it is in the file. */
function findSource(documents: readonly Document[], release: Document, chartRef: KeyPath): Document | undefined {
  const [kind, name] = ['kind', 'name'].map((key) => release.getIn([...chartRef, key]));
  if (kind !== 'OCIRepository') return undefined;
  return documents.find((document) => document.get('kind') === kind && document.getIn(['metadata', 'name']) === name);
}

function ociRepository(chart: DeliveredChart, metadata: object): Document {
  const spec = {
    interval: '1h',
    url: chartUrl(chart),
    ref: { tag: chartTag(chart.version) },
    // Keep the chart archive; Flux would unpack the layer otherwise.
    layerSelector: { mediaType: MediaType.helmChart, operation: 'copy' },
    ...accessFields(chart),
  };
  return toDocument({ apiVersion: SOURCE_API, kind: 'OCIRepository', metadata, spec });
}

function helmRepository(chart: DeliveredChart, metadata: object): Document {
  const url = chartUrl(chart).slice(0, -`/${chart.name}`.length);
  return toDocument({
    apiVersion: SOURCE_API,
    kind: 'HelmRepository',
    metadata,
    spec: { type: 'oci', interval: '1h', url, ...accessFields(chart) },
  });
}

function accessFields({ target, plainHttp }: DeliveredChart): object {
  const isEcr = parseEcrHost(target.registry) !== undefined;
  return { provider: isEcr ? 'aws' : undefined, insecure: plainHttp || undefined };
}

function chartUrl({ target, name }: DeliveredChart): string {
  return `oci://${formatRepository(chartRepository(target, name))}`;
}

function toDocument(content: object): Document {
  return new Document(content, { ...YAML_1_1, aliasDuplicateObjects: false });
}
