import type { Document } from 'yaml';
import { checkName, toFileName } from '../../base/names.ts';
import { readYamlDocument } from '../../base/yaml-read.ts';
import { documentText, yamlText } from '../../base/yaml-text.ts';
import { chartRepository } from '../../oci/naming.ts';
import { formatRepository } from '../../oci/reference.ts';
import { type Carrier, documentsOf, joined, type Keys, keysOf, layOver } from './carrier.ts';
import { commented, type DeliveredChart, type Formatted } from './format.ts';

/**
 * Formats an Argo CD `Application` (argoproj.io/v1alpha1) with the overrides in `helm.valuesObject` and the chart at
 * the target. Updates the given manifest and keeps the rest of it, or creates a minimal one. Argo CD names OCI chart
 * repositories without a scheme (docs/user-guide/helm.md), and they must be registered as such.
 */
export function formatArgo(chart: DeliveredChart, carrier?: Carrier): Formatted {
  const text = carrier === undefined ? own(chart) : placed(chart, carrier);
  return { files: [{ path: `${toFileName(chart.name)}.yaml`, text }], left: [] };
}

function own(chart: DeliveredChart): string {
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
        repoURL: repositoryOf(chart),
        chart: name,
        targetRevision: version,
        helm: { releaseName, valuesObject: overrides },
      },
    },
  };
  const registered = `Register ${repositoryOf(chart)} in Argo CD as a repository of type helm with enableOCI.`;
  return commented([...chart.header, registered]) + yamlText(application);
}

function placed(chart: DeliveredChart, { text, document: index, path }: Carrier): string {
  const documents = documentsOf(text);
  const document = documents[index] as Document;
  const source = keysOf(path);
  // An OCI source without `chart` has the full chart address in its URL.
  const isWhole = document.getIn([...source, 'chart']) === undefined;
  const whole = `oci://${formatRepository(chartRepository(chart.target, chart.name))}`;
  document.setIn([...source, 'repoURL'], isWhole ? whole : repositoryOf(chart));
  if (!isWhole) document.setIn([...source, 'chart'], chart.name);
  document.setIn([...source, 'targetRevision'], chart.version);
  placeValues(document, [...source, 'helm'], chart);
  return joined(documents);
}

/** Merges the overrides. Argo CD ignores `values` if `valuesObject` exists, so values given as text stay text. */
function placeValues(document: Document, helm: Keys, { overrides }: DeliveredChart): void {
  const text = document.getIn([...helm, 'values']);
  const hasObject = document.getIn([...helm, 'valuesObject']) !== undefined;
  if (hasObject || typeof text !== 'string' || text.trim() === '') {
    if (hasObject) layOver(document, [...helm, 'valuesObject'], overrides);
    else layOver(document, helm, { valuesObject: overrides });
    return;
  }
  const values = readYamlDocument(text) as Document;
  layOver(values, [], overrides);
  document.setIn([...helm, 'values'], documentText(values));
}

/** Repository that holds the chart, without a scheme. */
function repositoryOf({ target, name }: DeliveredChart): string {
  return formatRepository(chartRepository(target, name)).slice(0, -`/${name}`.length);
}
