import type { Mapping } from '../entry.ts';
import { addressOf, type NestedChart } from './chart.ts';
import { declaredAt, entryOf, named, type Resource } from './resource.ts';
import { list, mapping, overlay, parseValues, textOf } from './values.ts';

const GROUP = 'helm.cattle.io';

/**
 * Returns the charts of `HelmChart` objects (k3s and RKE2, helm.cattle.io/v1), merged with the `HelmChartConfig` of the
 * same name.
 */
export function k3sCharts(resources: readonly Resource[]): NestedChart[] {
  return resources.flatMap((resource) => {
    if (resource.kind !== 'HelmChart' || resource.group !== GROUP) return [];
    const spec = mapping(resource.object.spec);
    const content = textOf(spec.chartContent);
    const version = textOf(spec.version);
    const address =
      content === ''
        ? addressOf(textOf(spec.chart), textOf(spec.repo), version)
        : { name: textOf(spec.chart) || resource.name, version, repository: '', content };
    if (address === undefined) return [];
    const config = named(resources, 'HelmChartConfig', resource.name, resource.namespace);
    const layers = [resource, ...(config === undefined ? [] : [config])].map(({ object }) => mapping(object.spec));
    return [
      {
        ...address,
        ...valuesOf(layers, resource, resources),
        releaseName: resource.name,
        namespace: textOf(spec.targetNamespace) || resource.namespace,
        via: declaredAt(resource, content === '' ? 'spec.chart' : 'spec.chartContent'),
      },
    ];
  });
}

/**
 * Merges `valuesContent` and `valuesSecrets` of each object in order; `set` is applied last (k3s-io/helm-controller,
 * pkg/controllers/chart).
 */
function valuesOf(
  layers: readonly Mapping[],
  { namespace }: Resource,
  resources: readonly Resource[],
): Pick<NestedChart, 'values' | 'set' | 'unseen'> {
  const unseen: string[] = [];
  let values: Mapping = {};
  for (const { valuesContent, valuesSecrets } of layers) {
    values = overlay(values, parseValues(textOf(valuesContent)) ?? {});
    for (const { name, keys } of list(valuesSecrets).map(mapping)) {
      const secret = named(resources, 'Secret', textOf(name), namespace);
      if (secret === undefined) unseen.push(`Secret ${textOf(name)}`);
      else
        for (const key of list(keys)) values = overlay(values, parseValues(entryOf(secret, textOf(key)) ?? '') ?? {});
    }
  }
  const set = layers.flatMap((layer) =>
    Object.entries(mapping(layer.set)).map(([key, value]) => `${key}=${String(value).replace(/,/g, '\\,')}`),
  );
  return { values, set, unseen };
}
