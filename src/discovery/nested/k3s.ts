import { asMapping, type Mapping, overlayValues } from '../../base/mapping.ts';
import { type NestedChart, parseChartAddress } from './chart.ts';
import {
  asList,
  dataEntry,
  declarationAt,
  findResource,
  parseValues,
  type Resource,
  scalarString,
} from './resource.ts';

const GROUP = 'helm.cattle.io';

/**
 * Returns the charts of `HelmChart` objects (k3s and RKE2, helm.cattle.io/v1), merged with the `HelmChartConfig` of the
 * same name.
 */
export function k3sCharts(resources: readonly Resource[]): NestedChart[] {
  return resources.flatMap((resource) => {
    if (resource.kind !== 'HelmChart' || resource.group !== GROUP) return [];
    const spec = asMapping(resource.object.spec);
    const content = scalarString(spec.chartContent);
    const version = scalarString(spec.version);
    const address =
      content === ''
        ? parseChartAddress(scalarString(spec.chart), scalarString(spec.repo), version)
        : { name: scalarString(spec.chart) || resource.name, version, repository: '', content };
    if (address === undefined) return [];
    const config = findResource(resources, 'HelmChartConfig', resource.name, resource.namespace);
    const specs = [resource, ...(config === undefined ? [] : [config])].map(({ object }) => asMapping(object.spec));
    return [
      {
        ...address,
        ...valuesOf(specs, resource, resources),
        releaseName: resource.name,
        namespace: scalarString(spec.targetNamespace) || resource.namespace,
        via: declarationAt(resource, content === '' ? 'spec.chart' : 'spec.chartContent'),
      },
    ];
  });
}

/**
 * Merges `valuesContent` and `valuesSecrets` of each object in order; `set` is applied last (k3s-io/helm-controller,
 * pkg/controllers/chart).
 */
function valuesOf(
  specs: readonly Mapping[],
  { namespace }: Resource,
  resources: readonly Resource[],
): Pick<NestedChart, 'values' | 'set' | 'unresolved'> {
  const unresolved: string[] = [];
  let values: Mapping = {};
  for (const { valuesContent, valuesSecrets } of specs) {
    values = overlayValues(values, parseValues(scalarString(valuesContent)) ?? {});
    for (const { name, keys } of asList(valuesSecrets).map(asMapping)) {
      const secret = findResource(resources, 'Secret', scalarString(name), namespace);
      if (secret === undefined) unresolved.push(`Secret ${scalarString(name)}`);
      else
        for (const key of asList(keys))
          values = overlayValues(values, parseValues(dataEntry(secret, scalarString(key)) ?? '') ?? {});
    }
  }
  const set = specs.flatMap((spec) =>
    Object.entries(asMapping(spec.set)).map(([key, value]) => `${key}=${String(value).replace(/,/g, '\\,')}`),
  );
  return { values, set, unresolved };
}
