import { messageOf } from '../base/errors.ts';
import { type Descriptor, MediaType } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Root } from '../oci/graph.ts';
import { readLinks } from '../oci/manifest.ts';
import { tryParseReference } from '../oci/reference.ts';
import { CHART_NAME, CHART_REGISTRY, CHART_VERSION, CONTAINERD_NAME, chartReference, REF_NAME } from './names.ts';
import { invalid } from './tar-index.ts';

/** A chart in a bundle; `reference` is its name inside the bundle (names.ts), which `manifest` and a walk understand. */
export interface BundleChart extends Root {
  readonly name: string;
  readonly version: string;
}

/** What the index of a layout names. */
export interface Contents {
  readonly images: readonly Root[];
  readonly charts: readonly BundleChart[];
  readonly lock: Descriptor | undefined;
  readonly unnamed: readonly Descriptor[];
  /** Media types of what the index names: not every manifest says its own. */
  readonly mediaTypes: ReadonlyMap<Digest, string>;
}

/** @throws AirgapError `bundle-invalid` */
export function contentsOf(path: string, index: Uint8Array): Contents {
  let manifests: readonly Descriptor[];
  try {
    manifests = readLinks(MediaType.ociIndex, index).manifests;
  } catch (cause) {
    throw invalid(path, `has an index.json that cannot be used: ${messageOf(cause)}`, undefined, cause);
  }
  const images: Root[] = [];
  const charts: BundleChart[] = [];
  const locks: Descriptor[] = [];
  const unnamed: Descriptor[] = [];
  for (const descriptor of manifests) {
    const { mediaType, digest, size } = descriptor;
    const plain = { mediaType, digest, size };
    const chart = chartOf(descriptor);
    const reference = imageName(descriptor);
    if (descriptor.artifactType === MediaType.lock) locks.push(plain);
    else if (chart !== undefined) charts.push({ ...chart, descriptor: plain });
    else if (reference !== undefined) images.push({ reference, descriptor: plain });
    else unnamed.push(descriptor);
  }
  if (locks.length > 1) throw invalid(path, 'has more than one lock');
  const mediaTypes = new Map(manifests.map(({ digest, mediaType }) => [digest, mediaType]));
  return { images, charts, lock: locks[0], unnamed, mediaTypes };
}

function annotation({ annotations }: Descriptor, key: string): string | undefined {
  const value: unknown = annotations?.[key];
  return typeof value === 'string' ? value : undefined;
}

/** A full name, from containerd's annotation or OCI's. A mere tag, which other tools write, says of no repository. */
function imageName(descriptor: Descriptor): Root['reference'] | undefined {
  for (const name of [annotation(descriptor, CONTAINERD_NAME), annotation(descriptor, REF_NAME)]) {
    if (name === undefined || !/[/:]/.test(name)) continue;
    const reference = tryParseReference(name);
    if (reference !== undefined) return reference;
  }
  return undefined;
}

function chartOf(descriptor: Descriptor): Omit<BundleChart, 'descriptor'> | undefined {
  const name = annotation(descriptor, CHART_NAME);
  const version = annotation(descriptor, CHART_VERSION);
  const inside = annotation(descriptor, REF_NAME);
  if (name === undefined || version === undefined || !inside?.startsWith(`${CHART_REGISTRY}/`)) return undefined;
  return { name, version, reference: chartReference(name, version) };
}
