import { Document } from 'yaml';
import { checkName, toFileName } from '../../base/names.ts';
import { parseEcrHost } from '../../ecr/hosts.ts';
import { MediaType } from '../../oci/descriptor.ts';
import { chartRepository, chartTag } from '../../oci/naming.ts';
import { formatRepository } from '../../oci/reference.ts';
import { YAML } from '../document.ts';
import { type Carrier, documentsOf, joined, type Keys, keysOf, layOver } from './carrier.ts';
import { commented, type DeliveredChart, type Formatted } from './format.ts';

const SOURCES = 'source.toolkit.fluxcd.io/v1';

/**
 * Formats a Flux `HelmRelease` (helm.toolkit.fluxcd.io/v2) with the overrides in `values` and the chart at the target.
 * Updates the given manifest, keeps the rest of it and adds a source, or creates a minimal one.
 */
export function formatFlux(chart: DeliveredChart, carrier?: Carrier): Formatted {
  const text = carrier ? joined(placed(chart, carrier)) : commented(chart.header) + joined(own(chart));
  return { files: [{ path: `${toFileName(chart.name)}.yaml`, text }], left: [] };
}

function own(chart: DeliveredChart): Document[] {
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
  return [ociRepository(chart, { name: releaseName, namespace }), documentOf(release)];
}

function placed(chart: DeliveredChart, { text, document: index, path }: Carrier): Document[] {
  const documents = documentsOf(text);
  const release = documents[index] as Document;
  const root = keysOf(path.slice(0, path.indexOf('spec.')));
  const spec = [...root, 'spec'];
  const name = String(release.getIn([...root, 'metadata', 'name']) ?? chart.releaseName);
  const namespace = release.getIn([...root, 'metadata', 'namespace']);
  const metadata = { name: `${name}-airgap`, ...(typeof namespace === 'string' ? { namespace } : {}) };
  layOver(release, spec, { values: chart.overrides });
  if (path.endsWith('spec.chart.spec')) {
    const template = [...spec, 'chart', 'spec'];
    release.setIn([...template, 'chart'], chart.name);
    release.setIn([...template, 'version'], chart.version);
    release.setIn([...template, 'sourceRef'], release.createNode({ kind: 'HelmRepository', name: metadata.name }));
    return beside(documents, helmRepository(chart, metadata));
  }
  const source = sourceOf(documents, release, [...spec, 'chartRef']);
  if (source !== undefined) {
    layOver(source, ['spec'], { url: addressOf(chart) });
    source.setIn(['spec', 'ref'], source.createNode({ tag: chartTag(chart.version) }));
    return documents;
  }
  release.setIn([...spec, 'chartRef'], release.createNode({ kind: 'OCIRepository', name: metadata.name }));
  return beside(documents, ociRepository(chart, metadata));
}

/** Appends a source, replacing the one added by an earlier run. */
function beside(documents: readonly Document[], source: Document): Document[] {
  const nameOf = (document: Document): string => `${document.get('kind')} ${document.getIn(['metadata', 'name'])}`;
  return [...documents.filter((document) => nameOf(document) !== nameOf(source)), source];
}

/** Finds the OCIRepository that a release refers to, if it is in the file. */
function sourceOf(documents: readonly Document[], release: Document, chartRef: Keys): Document | undefined {
  const [kind, name] = ['kind', 'name'].map((key) => release.getIn([...chartRef, key]));
  if (kind !== 'OCIRepository') return undefined;
  return documents.find((document) => document.get('kind') === kind && document.getIn(['metadata', 'name']) === name);
}

function ociRepository(chart: DeliveredChart, metadata: object): Document {
  const spec = {
    interval: '1h',
    url: addressOf(chart),
    ref: { tag: chartTag(chart.version) },
    // Keep the chart archive; Flux would unpack the layer otherwise.
    layerSelector: { mediaType: MediaType.helmChart, operation: 'copy' },
    ...accessOf(chart),
  };
  return documentOf({ apiVersion: SOURCES, kind: 'OCIRepository', metadata, spec });
}

function helmRepository(chart: DeliveredChart, metadata: object): Document {
  const url = addressOf(chart).slice(0, -`/${chart.name}`.length);
  return documentOf({
    apiVersion: SOURCES,
    kind: 'HelmRepository',
    metadata,
    spec: { type: 'oci', interval: '1h', url, ...accessOf(chart) },
  });
}

function accessOf({ target, plainHttp }: DeliveredChart): object {
  return {
    ...(parseEcrHost(target.registry) === undefined ? {} : { provider: 'aws' }),
    ...(plainHttp ? { insecure: true } : {}),
  };
}

function addressOf({ target, name }: DeliveredChart): string {
  return `oci://${formatRepository(chartRepository(target, name))}`;
}

function documentOf(content: object): Document {
  return new Document(content, { ...YAML, aliasDuplicateObjects: false });
}
