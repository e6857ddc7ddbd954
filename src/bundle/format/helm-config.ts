import { isMapping, type Mapping } from '../../base/mapping.ts';
import { compareText } from '../../base/text-order.ts';

/** Fields of Go's structures in their order (helm.sh/helm, pkg/chart/v2); others of Chart.yaml are not part of the config. */
export const METADATA_FIELDS = [
  ...['name', 'home', 'sources', 'version', 'description', 'keywords', 'maintainers', 'icon', 'apiVersion'],
  ...['condition', 'tags', 'appVersion', 'deprecated', 'annotations', 'kubeVersion', 'dependencies', 'type'],
];
const MAINTAINER_FIELDS = ['name', 'email', 'url'];
const DEPENDENCY_FIELDS = [
  ...['name', 'version', 'repository', 'condition', 'tags', 'enabled', 'import-values', 'alias'],
];

/** Reports whether Go leaves a field out (`omitempty`). */
export function isOmitted(value: unknown): boolean {
  const isNone = value === undefined || value === null || value === '' || value === false;
  return isNone || (Array.isArray(value) && value.length === 0);
}

/**
 * Returns the config of a chart as `helm push` writes it, byte for byte: Go's order of fields, sorted maps, and Go's escapes
 * in JSON.
 * @param metadata Chart.yaml as an object
 */
export function helmConfig(metadata: Mapping): Buffer {
  const { maintainers, dependencies } = metadata;
  const config = fieldsOf(METADATA_FIELDS, {
    ...metadata,
    maintainers: listOf(maintainers, (one) => fieldsOf(MAINTAINER_FIELDS, one)),
    // A dependency always has the field.
    dependencies: listOf(dependencies, (one) => fieldsOf(DEPENDENCY_FIELDS, { repository: '', ...one }, 'repository')),
  });
  const escaped = JSON.stringify(config).replace(
    /[<>&\u2028\u2029]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return Buffer.from(escaped);
}

function listOf(value: unknown, convert: (item: Mapping) => Mapping): unknown {
  return Array.isArray(value) ? value.filter(isMapping).map(convert) : undefined;
}

function fieldsOf(fields: readonly string[], values: Mapping, always?: string): Mapping {
  const present = fields.filter((field) => field === always || !isOmitted(values[field]));
  return Object.fromEntries(present.map((field) => [field, sorted(values[field], fields)]));
}

/** Sorts the keys of mappings, as Go does with maps; structures are in order already. */
function sorted(value: unknown, order: readonly string[]): unknown {
  if (Array.isArray(value)) return order === METADATA_FIELDS ? value : value.map((item) => sorted(item, order));
  if (!isMapping(value)) return value;
  const keys = Object.keys(value).sort(compareText);
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key], order)]));
}
