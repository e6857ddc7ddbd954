import { AirgapError } from '../base/errors.ts';
import { type Descriptor, MediaType } from '../oci/descriptor.ts';
import type { Content } from '../oci/graph.ts';
import type { Referrer } from '../oci/referrer.ts';
import { artifactContent, inline } from './inline.ts';

/** A chart as it lies in a bundle: a Helm OCI artifact. */
export interface ChartArtifact {
  readonly name: string;
  readonly version: string;
  /** Of the artifact's manifest. */
  readonly descriptor: Descriptor;
  /** The manifest and its blobs: with their bytes when made here, to be fetched when the chart came from a registry. */
  readonly content: Content;
  /** What belongs to it, by the chart's name in the bundle; `content` has it. */
  readonly referrers?: readonly Referrer[];
}

export interface ChartFile {
  /** Chart.yaml as an object. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The packaged chart, byte for byte as Helm gives it back. */
  readonly tgz: Uint8Array;
  /** The `.prov` file beside it. */
  readonly provenance?: Uint8Array;
}

/**
 * A chart file as the artifact that `helm push` would make of it (helm.sh/helm pkg/registry, client.go and chart.go),
 * but for `org.opencontainers.image.created`: no time, so the same chart has the same digest always. The chart comes
 * before its provenance, as Helm 3 writes it up to 3.17; readers take either order.
 * @throws AirgapError `chart-invalid` when Chart.yaml has no name or version
 */
export function chartArtifact({ metadata, tgz, provenance }: ChartFile): ChartArtifact {
  const { name, version } = metadata;
  if (typeof name !== 'string' || name === '' || typeof version !== 'string' || version === '') {
    throw new AirgapError('chart-invalid', 'Chart.yaml has no name or no version');
  }
  const config = inline(MediaType.helmConfig, Buffer.from(JSON.stringify(configOf(metadata))));
  const layers = [inline(MediaType.helmChart, tgz)];
  if (provenance !== undefined) layers.push(inline(MediaType.helmProvenance, provenance));
  const manifest = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    annotations: annotationsOf(metadata),
  };
  return { name, version, ...artifactContent(manifest, [config, ...layers]) };
}

/** Fields of `chart.Metadata` in the order in which Go writes them; anything else in Chart.yaml is not in the config. */
const FIELDS = [
  'name',
  'home',
  'sources',
  'version',
  'description',
  'keywords',
  'maintainers',
  'icon',
  'apiVersion',
  'condition',
  'tags',
  'appVersion',
  'deprecated',
  'annotations',
  'kubeVersion',
  'dependencies',
  'type',
];

function configOf(metadata: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const config: Record<string, unknown> = {};
  for (const field of FIELDS) {
    const value = metadata[field];
    // Go's `omitempty`.
    const empty = value === undefined || value === null || value === '' || value === false;
    if (!empty && !(Array.isArray(value) && value.length === 0)) config[field] = value;
  }
  return config;
}

/** `generateOCIAnnotations`: what Chart.yaml says, under OCI's names, then its own annotations, which never win. */
function annotationsOf(metadata: Readonly<Record<string, unknown>>): Record<string, string> {
  const text = (value: unknown): string => (typeof value === 'string' && value.trim() !== '' ? value : '');
  const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
  const authors = list(metadata.maintainers).map((maintainer) => {
    const { name, email } = (maintainer ?? {}) as { name?: unknown; email?: unknown };
    return text(email) === '' ? text(name) : `${text(name)} (${text(email)})`;
  });
  const annotations: Record<string, string> = {};
  const add = (key: string, value: string): void => {
    if (value !== '') annotations[`org.opencontainers.image.${key}`] = value;
  };
  add('description', text(metadata.description));
  add('title', text(metadata.name));
  add('version', text(metadata.version));
  add('url', text(metadata.home));
  add('source', text(list(metadata.sources)[0]));
  add('authors', authors.filter((author) => author !== '').join(', '));
  for (const [key, value] of Object.entries((metadata.annotations ?? {}) as Record<string, unknown>)) {
    // Helm does not let a chart name itself anew.
    if (key === 'org.opencontainers.image.version' || key === 'org.opencontainers.image.title') continue;
    annotations[key] = String(value);
  }
  return Object.fromEntries(Object.entries(annotations).sort(([a], [b]) => (a < b ? -1 : 1)));
}
