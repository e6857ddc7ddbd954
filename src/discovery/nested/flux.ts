import { valueAt } from '../../base/field-path.ts';
import { asMapping, isMapping, type Mapping, overlayValues } from '../../base/mapping.ts';
import { type ChartAddress, type NestedChart, parseChartAddress, parseOciChartAddress } from './chart.ts';
import {
  asList,
  dataEntry,
  declarationAt,
  findResource,
  parseValues,
  type Resource,
  scalarString,
} from './resource.ts';

/**
 * Returns the charts of Flux `HelmRelease` objects (helm.toolkit.fluxcd.io, v2 and its betas), declared by a chart
 * template or by `chartRef`. Suspended releases are not installed; charts in Git repositories or buckets are not
 * supported.
 */
export function fluxCharts(resources: readonly Resource[]): NestedChart[] {
  return resources.flatMap((resource) => {
    if (resource.kind !== 'HelmRelease' || resource.group !== 'helm.toolkit.fluxcd.io') return [];
    const spec = asMapping(resource.object.spec);
    if (spec.suspend === true) return [];
    const source = sourceOf(spec, resource, resources);
    if (source === undefined) return [];
    const { address, valuesFiles, path } = source;
    return [
      {
        ...address,
        ...valuesOf(spec, resource, resources),
        valuesFiles,
        releaseName: scalarString(spec.releaseName) || resource.name,
        namespace: scalarString(spec.targetNamespace) || resource.namespace,
        via: declarationAt(resource, path),
      },
    ];
  });
}

interface Source {
  readonly address: ChartAddress;
  readonly valuesFiles: readonly string[];
  readonly path: string;
}

function sourceOf(spec: Mapping, release: Resource, resources: readonly Resource[]): Source | undefined {
  const template = asMapping(asMapping(spec.chart).spec);
  if (scalarString(template.chart) !== '') return chartSource(template, 'spec.chart.spec', release, resources);
  const { kind, name, namespace } = asMapping(spec.chartRef);
  const target = findResource(
    resources,
    scalarString(kind),
    scalarString(name),
    scalarString(namespace) || release.namespace,
  );
  const path = 'spec.chartRef';
  if (kind === 'HelmChart') {
    return target === undefined
      ? unknownSource(scalarString(name), path)
      : chartSource(asMapping(target.object.spec), path, target, resources);
  }
  if (kind !== 'OCIRepository') return undefined;
  if (target === undefined) return unknownSource(scalarString(name), path);
  const { url, ref } = asMapping(target.object.spec);
  const { digest, semver, tag } = asMapping(ref);
  const address = parseOciChartAddress(
    scalarString(url),
    scalarString(digest) || scalarString(semver) || scalarString(tag),
  );
  return address === undefined ? undefined : { address, valuesFiles: [], path };
}

/** Returns the source of a chart by name in a repository: of the template of a release, or of a `HelmChart`. */
function chartSource(spec: Mapping, path: string, owner: Resource, resources: readonly Resource[]): Source | undefined {
  const { kind, name, namespace } = asMapping(spec.sourceRef);
  if (kind !== 'HelmRepository') return undefined;
  const repository = findResource(
    resources,
    'HelmRepository',
    scalarString(name),
    scalarString(namespace) || owner.namespace,
  );
  const url = repository === undefined ? '' : scalarString(asMapping(repository.object.spec).url);
  const address = parseChartAddress(scalarString(spec.chart), url, scalarString(spec.version));
  const valuesFiles = [...asList(spec.valuesFiles), spec.valuesFile].map(scalarString).filter((file) => file !== '');
  return address === undefined ? undefined : { address, valuesFiles, path };
}

/** Returns a source that is not in this render: only its name is known. */
function unknownSource(name: string, path: string): Source {
  return { address: { name, version: '', repository: '' }, valuesFiles: [], path };
}

/** Merges `valuesFrom` in order, then `values` (fluxcd/pkg chartutil, ChartValuesFromReferences). */
function valuesOf(
  spec: Mapping,
  release: Resource,
  resources: readonly Resource[],
): Pick<NestedChart, 'values' | 'set' | 'unresolved'> {
  const inline = asMapping(spec.values);
  const set: string[] = [];
  const unresolved: string[] = [];
  let values: Mapping = {};
  for (const reference of asList(spec.valuesFrom).filter(isMapping)) {
    const { kind, name, valuesKey, targetPath } = reference;
    const dataObject = findResource(resources, scalarString(kind), scalarString(name), release.namespace);
    const text = dataObject === undefined ? undefined : dataEntry(dataObject, scalarString(valuesKey) || 'values.yaml');
    const path = scalarString(targetPath);
    if (text === undefined) unresolved.push(`${scalarString(kind)} ${scalarString(name)}`);
    else if (path === '') values = overlayValues(values, parseValues(text) ?? {});
    else if (valueAt(inline, path.split('.')) === undefined) set.push(`${path}=${text.trim().replace(/,/g, '\\,')}`);
  }
  return { values: overlayValues(values, inline), set, unresolved };
}
