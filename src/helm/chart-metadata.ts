import { AirgapError } from '../base/errors.ts';
import { checkName } from '../base/names.ts';
import { quoted } from '../base/printable.ts';
import { readManifest } from './go-yaml.ts';

/** Chart.yaml of a chart, as far as this tool looks at it; the rest is kept as it is. */
export interface ChartMetadata {
  readonly name: string;
  readonly version: string;
  readonly appVersion?: string;
  readonly kubeVersion?: string;
  readonly type?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** The fields that Helm reads (helm.sh/helm, pkg/chart/v2, Metadata): texts, and others. */
const TEXTS = [
  ...['apiVersion', 'name', 'version', 'appVersion', 'kubeVersion', 'type'],
  ...['description', 'home', 'icon', 'condition', 'tags'],
];
const FIELDS = [...TEXTS, 'annotations', 'dependencies', 'deprecated', 'keywords', 'maintainers', 'sources'];

/**
 * Reads Chart.yaml. Its name and version are checked: they become part of file names, repositories and tags.
 * @param where whose it is, for messages
 * @throws AirgapError `chart-invalid`
 */
export function parseMetadata(text: string, where: string): ChartMetadata {
  const { object = {}, problem } = readManifest(text);
  if (problem !== undefined) throw new AirgapError('chart-invalid', `Chart.yaml of ${where} is not YAML: ${problem}`);
  const fields = asHelmReads(object, where);
  const { name, version } = fields;
  if (typeof name !== 'string' || typeof version !== 'string') {
    throw new AirgapError('chart-invalid', `Chart.yaml of ${where} has no name or no version`, {
      hint: 'a chart says both in its Chart.yaml',
    });
  }
  return {
    ...fields,
    name: checkName('chart name', name, `Chart.yaml of ${where}`),
    version: checkName('chart version', version, `Chart.yaml of ${where}`),
  };
}

/**
 * The fields under the names that Helm gives them. Go's JSON takes `Version` and even `verſion` for `version`, and of
 * several the last one counts: two of them would be one chart for Helm and another one here.
 */
function asHelmReads(fields: Readonly<Record<string, unknown>>, where: string): Record<string, unknown> {
  const read = new Map<string, unknown>();
  for (const [key, value] of Object.entries(fields)) {
    const name = FIELDS.find((field) => foldedKey(field) === foldedKey(key)) ?? key;
    if (read.has(name)) {
      throw new AirgapError('chart-invalid', `Chart.yaml of ${where} says ${name} twice, as ${quoted(key)} too`, {
        hint: 'Helm does not tell capital letters apart there; leave one of them out',
      });
    }
    read.set(name, TEXTS.includes(name) ? asText(name, value, where) : value);
  }
  return Object.fromEntries(read);
}

/** A number or a switch where Helm wants a text is that text (sigs.k8s.io/yaml); more than that it refuses. */
function asText(field: string, value: unknown, where: string): unknown {
  if (typeof value === 'object' && value !== null) {
    throw new AirgapError('chart-invalid', `Chart.yaml of ${where} has no text for ${field}`, {
      hint: 'Helm wants a text there; put it into quotes',
    });
  }
  return value === null || value === undefined || field === 'name' ? value : String(value);
}

/** Equal for keys that Go's encoding/json takes for the same (simple case folding). */
export function foldedKey(key: string): string {
  return key.toUpperCase().toLowerCase();
}

/** Name and version of a chart by the name of its archive without its ending, `app-1.2.3`; no version where none is in it. */
export function nameOfArchive(file: string): { readonly name: string; readonly version: string } {
  const dash = file.search(/(?<=.)-v?\d+\./);
  return dash < 0 ? { name: file, version: '' } : { name: file.slice(0, dash), version: file.slice(dash + 1) };
}
