import { isMapping, type Mapping } from '../entry.ts';
import { applicationsOf } from './application-set.ts';
import { addressOf, type NestedChart, ociAddress } from './chart.ts';
import { declaredAt, type Resource } from './resource.ts';
import { list, mapping, parseValues, textOf } from './values.ts';

/**
 * Returns the charts of Argo CD `Application` and `ApplicationSet` objects (argoproj.io/v1alpha1): their Helm sources.
 */
export function argoCharts(resources: readonly Resource[]): NestedChart[] {
  return resources.flatMap((resource) => {
    if (resource.group !== 'argoproj.io') return [];
    if (resource.kind === 'Application') return chartsOf(resource, resource.object, 'spec');
    if (resource.kind !== 'ApplicationSet') return [];
    return applicationsOf(resource.object).flatMap((application) =>
      chartsOf(resource, application, 'spec.template.spec'),
    );
  });
}

function chartsOf(resource: Resource, application: Mapping, path: string): NestedChart[] {
  const spec = mapping(application.spec);
  // If `sources` is set, `source` is ignored (Argo CD, docs/user-guide/multiple_sources.md).
  const sources = list(spec.sources);
  const all = sources.length > 0 ? sources : [spec.source];
  return all.flatMap((source, i) => {
    if (!isMapping(source)) return [];
    const at = sources.length > 0 ? `${path}.sources[${i}]` : `${path}.source`;
    const chart = chartOf(source);
    if (chart === undefined) return [];
    const namespace = textOf(mapping(spec.destination).namespace);
    const release = textOf(mapping(source.helm).releaseName) || textOf(mapping(application.metadata).name);
    return [{ ...chart, releaseName: release, namespace, via: declaredAt(resource, at) }];
  });
}

/** Returns the chart of a source; undefined for a Git source, which cannot be fetched as a chart. */
function chartOf(source: Mapping): Omit<NestedChart, 'via'> | undefined {
  const chart = textOf(source.chart);
  const repository = textOf(source.repoURL);
  const version = textOf(source.targetRevision);
  const address =
    chart === '' ? ociSource(source, repository, version) : addressOf(chart, withScheme(repository), version);
  if (address === undefined) return undefined;
  const helm = mapping(source.helm);
  const inline = isMapping(helm.valuesObject) ? helm.valuesObject : (parseValues(textOf(helm.values)) ?? {});
  const files = list(helm.valueFiles).map(textOf);
  const parameters = list(helm.parameters).filter(isMapping);
  const isForced = ({ forceString }: Mapping): boolean => forceString === true;
  return {
    ...address,
    values: inline,
    valuesFiles: files.filter(isOfChart),
    set: parameters.filter((parameter) => !isForced(parameter)).map(assignment),
    setString: parameters.filter(isForced).map(assignment),
    unseen: files.filter((file) => !isOfChart(file)).map((file) => `values file ${file}`),
  };
}

/** A repository without a scheme is an OCI registry (Argo CD, docs/user-guide/helm.md). */
function withScheme(repository: string): string {
  return repository === '' || repository.includes('://') ? repository : `oci://${repository}`;
}

/** An OCI artifact is a chart if its source has `helm` settings. */
function ociSource(source: Mapping, repository: string, version: string): ReturnType<typeof ociAddress> {
  return /^oci:\/\//i.test(repository) && source.helm !== undefined ? ociAddress(repository, version) : undefined;
}

/**
 * Tests whether a values file is in the chart's folder: neither from another source (`$values/…`) nor from a server.
 */
function isOfChart(file: string): boolean {
  return !file.startsWith('$') && !file.includes('://');
}

/**
 * Formats a parameter as Argo CD passes it to Helm: commas are escaped, except in a list (util/helm,
 * cleanSetParameters).
 */
function assignment({ name, value }: Mapping): string {
  const text = typeof value === 'boolean' ? String(value) : textOf(value);
  const isList = text.startsWith('{') && text.endsWith('}');
  return `${textOf(name)}=${isList ? text : text.replace(/(?<!\\),/g, '\\,')}`;
}
