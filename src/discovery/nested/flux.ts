import { isMapping, type Mapping } from '../entry.ts';
import { type Address, addressOf, type NestedChart, ociAddress } from './chart.ts';
import { declaredAt, entryOf, named, type Resource } from './resource.ts';
import { at, list, mapping, overlay, parseValues, textOf } from './values.ts';

/**
 * Returns the charts of Flux `HelmRelease` objects (helm.toolkit.fluxcd.io, v2 and its betas), declared by a chart
 * template or by `chartRef`. Suspended releases are not installed; charts in Git repositories or buckets are not
 * supported.
 */
export function fluxCharts(resources: readonly Resource[]): NestedChart[] {
  return resources.flatMap((resource) => {
    if (resource.kind !== 'HelmRelease' || resource.group !== 'helm.toolkit.fluxcd.io') return [];
    const spec = mapping(resource.object.spec);
    if (spec.suspend === true) return [];
    const source = sourceOf(spec, resource, resources);
    if (source === undefined) return [];
    const { address, valuesFiles, path } = source;
    return [
      {
        ...address,
        ...valuesOf(spec, resource, resources),
        valuesFiles,
        releaseName: textOf(spec.releaseName) || resource.name,
        namespace: textOf(spec.targetNamespace) || resource.namespace,
        via: declaredAt(resource, path),
      },
    ];
  });
}

interface Source {
  readonly address: Address;
  readonly valuesFiles: readonly string[];
  readonly path: string;
}

function sourceOf(spec: Mapping, release: Resource, resources: readonly Resource[]): Source | undefined {
  const template = mapping(mapping(spec.chart).spec);
  if (textOf(template.chart) !== '') return chartSource(template, 'spec.chart.spec', release, resources);
  const { kind, name, namespace } = mapping(spec.chartRef);
  const target = named(resources, textOf(kind), textOf(name), textOf(namespace) || release.namespace);
  const path = 'spec.chartRef';
  if (kind === 'HelmChart') {
    return target === undefined
      ? undefinedSource(textOf(name), path)
      : chartSource(mapping(target.object.spec), path, target, resources);
  }
  if (kind !== 'OCIRepository') return undefined;
  if (target === undefined) return undefinedSource(textOf(name), path);
  const { url, ref } = mapping(target.object.spec);
  const { tag, semver } = mapping(ref);
  const address = ociAddress(textOf(url), textOf(semver) || textOf(tag));
  return address === undefined ? undefined : { address, valuesFiles: [], path };
}

/** Returns the source of a chart by name in a repository: of the template of a release, or of a `HelmChart`. */
function chartSource(spec: Mapping, path: string, from: Resource, resources: readonly Resource[]): Source | undefined {
  const { kind, name, namespace } = mapping(spec.sourceRef);
  if (kind !== 'HelmRepository') return undefined;
  const repository = named(resources, 'HelmRepository', textOf(name), textOf(namespace) || from.namespace);
  const url = repository === undefined ? '' : textOf(mapping(repository.object.spec).url);
  const address = addressOf(textOf(spec.chart), url, textOf(spec.version));
  const files = [...list(spec.valuesFiles), spec.valuesFile].map(textOf).filter((file) => file !== '');
  return address === undefined ? undefined : { address, valuesFiles: files, path };
}

/** Returns a source that is not in this render: only its name is known. */
function undefinedSource(name: string, path: string): Source {
  return { address: { name, version: '', repository: '' }, valuesFiles: [], path };
}

/** Merges `valuesFrom` in order, then `values` (fluxcd/pkg chartutil, ChartValuesFromReferences). */
function valuesOf(
  spec: Mapping,
  release: Resource,
  resources: readonly Resource[],
): Pick<NestedChart, 'values' | 'set' | 'unseen'> {
  const inline = mapping(spec.values);
  const set: string[] = [];
  const unseen: string[] = [];
  let values: Mapping = {};
  for (const reference of list(spec.valuesFrom).filter(isMapping)) {
    const { kind, name, valuesKey, targetPath } = reference;
    const holder = named(resources, textOf(kind), textOf(name), release.namespace);
    const text = holder === undefined ? undefined : entryOf(holder, textOf(valuesKey) || 'values.yaml');
    const path = textOf(targetPath);
    if (text === undefined) unseen.push(`${textOf(kind)} ${textOf(name)}`);
    else if (path === '') values = overlay(values, parseValues(text) ?? {});
    else if (at(inline, path.split('.')) === undefined) set.push(`${path}=${text.trim().replace(/,/g, '\\,')}`);
  }
  return { values: overlay(values, inline), set, unseen };
}
