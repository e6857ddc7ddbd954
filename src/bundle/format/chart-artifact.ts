import { AirgapError } from '../../base/errors.ts';
import { type Descriptor, MediaType } from '../../oci/descriptor.ts';
import type { Content } from '../../oci/graph.ts';
import type { Referrer } from '../../oci/referrer.ts';
import { isOmitted, METADATA_FIELDS } from './helm-config.ts';
import { artifactContent, inlineBlob } from './inline.ts';

/** A chart in a bundle: a Helm OCI artifact. */
export interface ChartArtifact {
  readonly name: string;
  readonly version: string;
  /** Descriptor of the artifact's manifest. */
  readonly descriptor: Descriptor;
  /** Manifest and blobs: in memory if created here, to be fetched if the chart is from a registry. */
  readonly content: Content;
  /** Referrers, under the chart's name in the bundle. `content` includes them. */
  readonly referrers?: readonly Referrer[];
}

export interface ChartFile {
  /** Chart.yaml as an object. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The packaged chart, byte for byte as Helm returns it. */
  readonly tgz: Uint8Array;
  /** The `.prov` file of the chart. */
  readonly provenance?: Uint8Array;
  /** Config; by default that of bundles, which keeps the order of nested fields as Chart.yaml has it. */
  readonly config?: Uint8Array;
}

/**
 * Creates the artifact that `helm push` would create (helm.sh/helm pkg/registry, client.go and chart.go), but without
 * `org.opencontainers.image.created`, so that a chart always has the same digest. The chart layer precedes the
 * provenance layer, as in Helm 3 up to 3.17; readers accept both orders.
 * @throws AirgapError `chart-invalid` if Chart.yaml has no name or version
 */
export function chartArtifact({ metadata, tgz, provenance, config: bytes }: ChartFile): ChartArtifact {
  const { name, version } = metadata;
  if (typeof name !== 'string' || name === '' || typeof version !== 'string' || version === '') {
    throw new AirgapError('chart-invalid', 'Chart.yaml has no name or version');
  }
  const config = inlineBlob(MediaType.helmConfig, bytes ?? Buffer.from(JSON.stringify(configOf(metadata))));
  const layers = [inlineBlob(MediaType.helmChart, tgz)];
  if (provenance !== undefined) layers.push(inlineBlob(MediaType.helmProvenance, provenance));
  const manifest = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    annotations: annotationsOf(metadata),
  };
  return { name, version, ...artifactContent(manifest, [config, ...layers]) };
}

function configOf(metadata: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const config: Record<string, unknown> = {};
  for (const field of METADATA_FIELDS) if (!isOmitted(metadata[field])) config[field] = metadata[field];
  return config;
}

/** Returns OCI annotations from Chart.yaml and the chart's own annotations, as Helm's `generateOCIAnnotations` does. */
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
    // Helm does not allow charts to override their name and version.
    if (key === 'org.opencontainers.image.version' || key === 'org.opencontainers.image.title') continue;
    annotations[key] = String(value);
  }
  return Object.fromEntries(Object.entries(annotations).sort(([a], [b]) => (a < b ? -1 : 1)));
}
