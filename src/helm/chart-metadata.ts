import { AirgapError } from '../base/errors.ts';
import { checkName } from '../base/names.ts';
import { quoted } from '../base/printable.ts';
import { readManifest } from './go-yaml.ts';

/** Content of Chart.yaml; fields that are not used here are kept unchanged. */
export interface ChartMetadata {
  readonly name: string;
  readonly version: string;
  readonly appVersion?: string;
  readonly kubeVersion?: string;
  readonly type?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** Fields that Helm reads (helm.sh/helm, pkg/chart/v2, Metadata): strings, and all. */
const TEXT_FIELDS = [
  ...['apiVersion', 'name', 'version', 'appVersion', 'kubeVersion', 'type'],
  ...['description', 'home', 'icon', 'condition', 'tags'],
];
const KNOWN_FIELDS = [
  ...TEXT_FIELDS,
  'annotations',
  'dependencies',
  'deprecated',
  'keywords',
  'maintainers',
  'sources',
];

/** Maximum length of Chart.yaml: Helm reads no larger file (MaxDecompressedFileSize, 5 MiB). */
const LENGTH_LIMIT = 5 * 1024 ** 2;

/**
 * Parses Chart.yaml. Validates name and version, since they become part of file names, repositories and tags.
 * @param owner name of the chart in messages
 * @throws AirgapError `chart-invalid`
 */
export function parseMetadata(text: string, owner: string): ChartMetadata {
  if (text.length > LENGTH_LIMIT)
    throw new AirgapError('chart-invalid', `Chart.yaml of ${owner} is larger than ${LENGTH_LIMIT / 1024 ** 2} MiB`);
  const { object = {}, problem } = readManifest(text);
  if (problem !== undefined)
    throw new AirgapError('chart-invalid', `Chart.yaml of ${owner} is not valid YAML: ${problem}`);
  const fields = canonicalFields(object, owner);
  const { name, version } = fields;
  if (typeof name !== 'string' || typeof version !== 'string') {
    throw new AirgapError('chart-invalid', `Chart.yaml of ${owner} lacks a name or a version`, {
      hint: 'set both in Chart.yaml',
    });
  }
  return {
    ...fields,
    name: checkName('chart name', name, `Chart.yaml of ${owner}`),
    version: checkName('chart version', version, `Chart.yaml of ${owner}`),
  };
}

/**
 * Returns the fields under Helm's names. Go's JSON accepts `Version` and even `verſion` for `version`, and the last
 * duplicate wins. Duplicates are refused so that Helm and this tool cannot read different charts.
 */
function canonicalFields(fields: Readonly<Record<string, unknown>>, owner: string): Record<string, unknown> {
  const canonical = new Map<string, unknown>();
  for (const [key, value] of Object.entries(fields)) {
    const name = KNOWN_FIELDS.find((field) => foldedKey(field) === foldedKey(key)) ?? key;
    if (canonical.has(name)) {
      throw new AirgapError('chart-invalid', `Chart.yaml of ${owner} has ${name} twice, also as ${quoted(key)}`, {
        hint: 'Helm ignores case in these keys; remove one of them',
      });
    }
    canonical.set(name, TEXT_FIELDS.includes(name) ? asText(name, value, owner) : value);
  }
  return Object.fromEntries(canonical);
}

/** Converts numbers and booleans to strings, as sigs.k8s.io/yaml does for string fields; other types are refused. */
function asText(field: string, value: unknown, owner: string): unknown {
  if (typeof value === 'object' && value !== null) {
    throw new AirgapError('chart-invalid', `Chart.yaml of ${owner} needs a string for ${field}`, {
      hint: 'put the value into quotes',
    });
  }
  return value === null || value === undefined || field === 'name' ? value : String(value);
}

/** Returns equal keys for keys that Go's encoding/json treats as equal (simple case folding). */
export function foldedKey(key: string): string {
  return key.toUpperCase().toLowerCase();
}
