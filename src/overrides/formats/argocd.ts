import type { Document } from 'yaml';
import { type KeyPath, parseFieldPath } from '../../base/field-path.ts';
import { checkName, toFileName } from '../../base/names.ts';
import { readYamlDocument } from '../../base/yaml-read.ts';
import { documentText, yamlText } from '../../base/yaml-text.ts';
import { chartRepository } from '../../naming/naming.ts';
import { formatRepository } from '../../oci/reference.ts';
import { commentBlock, type DeliveredChart, type GeneratedFiles } from './format.ts';
import { type HostManifest, joinDocuments, mergeValues, parseDocuments } from './host-manifest.ts';

/**
 * Formats an Argo CD `Application` (argoproj.io/v1alpha1) with the overrides in `helm.valuesObject` and the chart at
 * the target. Updates the given manifest and keeps the rest of it, or creates a minimal one. Argo CD names OCI chart
 * repositories without a scheme (docs/user-guide/helm.md), and they must be registered as such.
 */
export function formatArgoApplication(chart: DeliveredChart, hostManifest?: HostManifest): GeneratedFiles {
  const text = hostManifest === undefined ? newApplication(chart) : updateHostManifest(chart, hostManifest);
  return { files: [{ path: `${toFileName(chart.name)}.yaml`, text }], left: [] };
}

function newApplication(chart: DeliveredChart): string {
  const { name, version, releaseName, namespace, overrides } = chart;
  const application = {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name: checkName('release name', releaseName, `chart ${name}`), namespace: 'argocd' },
    spec: {
      project: 'default',
      destination: {
        server: 'https://kubernetes.default.svc',
        namespace: checkName('namespace', namespace, 'HELM_NAMESPACE', 'usage'),
      },
      source: {
        repoURL: repositoryWithoutScheme(chart),
        chart: name,
        targetRevision: version,
        helm: { releaseName, valuesObject: overrides },
      },
    },
  };
  const registered = `Register ${repositoryWithoutScheme(chart)} in Argo CD as a repository of type helm with enableOCI.`;
  return commentBlock([...chart.header, registered]) + yamlText(application);
}

function updateHostManifest(chart: DeliveredChart, { text, document: index, path }: HostManifest): string {
  const documents = parseDocuments(text);
  const document = documents[index] as Document;
  const source = parseFieldPath(path);
  // An OCI source without `chart` has the full chart address in its URL.
  const hasFullUrl = document.getIn([...source, 'chart']) === undefined;
  const fullUrl = `oci://${formatRepository(chartRepository(chart.target, chart.name))}`;
  document.setIn([...source, 'repoURL'], hasFullUrl ? fullUrl : repositoryWithoutScheme(chart));
  if (!hasFullUrl) document.setIn([...source, 'chart'], chart.name);
  document.setIn([...source, 'targetRevision'], chart.version);
  mergeOverrides(document, [...source, 'helm'], chart);
  return joinDocuments(documents);
}

/** Merges the overrides. Argo CD ignores `values` if `valuesObject` exists, so values given as text stay text. */
function mergeOverrides(document: Document, helm: KeyPath, { overrides }: DeliveredChart): void {
  const text = document.getIn([...helm, 'values']);
  const hasObject = document.getIn([...helm, 'valuesObject']) !== undefined;
  if (hasObject || typeof text !== 'string' || text.trim() === '') {
    if (hasObject) mergeValues(document, [...helm, 'valuesObject'], overrides);
    else mergeValues(document, helm, { valuesObject: overrides });
    return;
  }
  const values = readYamlDocument(text) as Document;
  mergeValues(values, [], overrides);
  document.setIn([...helm, 'values'], documentText(values));
}

/** Repository that holds the chart, without a scheme. */
function repositoryWithoutScheme({ target, name }: DeliveredChart): string {
  return formatRepository(chartRepository(target, name)).slice(0, -`/${name}`.length);
}
