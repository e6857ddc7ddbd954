import { messageOf } from '../../base/errors.ts';
import { checkName, isName } from '../../base/names.ts';
import { type Descriptor, MediaType } from '../../oci/descriptor.ts';
import { type Digest, isDigest } from '../../oci/digest.ts';
import type { Root } from '../../oci/graph.ts';
import { parseManifest } from '../../oci/manifest.ts';
import {
  formatReference,
  type Reference,
  type Repository,
  tryParseReference,
  tryParseRepository,
} from '../../oci/reference.ts';
import { cosignTags, type Referrer } from '../../oci/referrer.ts';
import { invalidBundle } from '../files/errors.ts';
import {
  CHART_NAME_ANNOTATION,
  CHART_REGISTRY,
  CHART_VERSION_ANNOTATION,
  CONTAINERD_NAME_ANNOTATION,
  chartReference,
  isSignatureName,
  REF_NAME_ANNOTATION,
  SUBJECT_ANNOTATION,
  SUBJECT_REPOSITORY_ANNOTATION,
  SUBJECT_TAG_ANNOTATION,
} from '../format/names.ts';
import { METADATA_LIMIT } from './open-layout.ts';

/** A chart in a bundle. `reference` is its name in the bundle (names.ts), for `Bundle.manifest` and walks. */
export interface BundleChart extends Root {
  readonly name: string;
  readonly version: string;
}

/** Content of a layout's index. */
export interface IndexContents {
  readonly images: readonly Root[];
  readonly charts: readonly BundleChart[];
  /** Referrers of the images and charts. */
  readonly referrers: readonly Referrer[];
  readonly inventory: Descriptor | undefined;
  /** Signature of the inventory. */
  readonly signature: Descriptor | undefined;
  readonly unnamed: readonly Descriptor[];
  /** Media types from the index, for manifests without a `mediaType` field. */
  readonly mediaTypes: ReadonlyMap<Digest, string>;
}

/**
 * Parses the index of a layout.
 * @param path path of the bundle, for messages
 * @param assumedReference reference to assume for images identified only by tag, or for the only image
 * @throws AirgapError `bundle-invalid`
 */
export function parseIndexContents(path: string, index: Uint8Array, assumedReference?: Reference): IndexContents {
  let manifests: readonly Descriptor[];
  try {
    manifests = parseManifest(MediaType.ociIndex, index, METADATA_LIMIT).manifests;
  } catch (cause) {
    throw invalidBundle(path, `has an invalid index.json: ${messageOf(cause)}`, undefined, cause);
  }
  const images: Root[] = [];
  const charts: BundleChart[] = [];
  const referrers: Referrer[] = [];
  const inventories: Descriptor[] = [];
  const signatures: Descriptor[] = [];
  const unnamed: Descriptor[] = [];
  for (const descriptor of manifests) {
    const { mediaType, digest, size } = descriptor;
    const bareDescriptor = { mediaType, digest, size };
    const chart = chartOf(path, descriptor);
    const reference = imageName(descriptor) ?? assumedImageName(descriptor, assumedReference);
    const referrer = referrerOf(descriptor);
    if (descriptor.artifactType === MediaType.inventory) inventories.push(bareDescriptor);
    else if (isSignatureName(annotation(descriptor, REF_NAME_ANNOTATION))) signatures.push(bareDescriptor);
    else if (chart !== undefined) charts.push({ ...chart, descriptor: bareDescriptor });
    else if (reference !== undefined) images.push({ reference, descriptor: bareDescriptor });
    else if (referrer !== undefined) referrers.push({ ...referrer, descriptor: bareDescriptor });
    else unnamed.push(descriptor);
  }
  const [only, ...others] = unnamed;
  if (assumedReference !== undefined && images.length === 0 && only !== undefined && others.length === 0) {
    images.push({
      reference: assumedReference,
      descriptor: { mediaType: only.mediaType, digest: only.digest, size: only.size },
    });
    unnamed.pop();
  }
  if (inventories.length > 1) throw invalidBundle(path, 'has more than one inventory');
  if (signatures.length > 1) throw invalidBundle(path, 'has more than one signature of its inventory');
  const mediaTypes = mediaTypesOf(path, manifests);
  checkNames(path, [...images, ...charts]);
  return { images, charts, referrers, inventory: inventories[0], signature: signatures[0], unnamed, mediaTypes };
}

/** Maps digests to their media types. @throws AirgapError `bundle-invalid` if a digest is listed with two */
function mediaTypesOf(path: string, manifests: readonly Descriptor[]): Map<Digest, string> {
  const types = new Map<Digest, string>();
  for (const { digest, mediaType } of manifests) {
    if ((types.get(digest) ?? mediaType) !== mediaType)
      throw invalidBundle(path, `lists ${digest} with two media types`);
    types.set(digest, mediaType);
  }
  return types;
}

/** Checks that names are unambiguous. @throws AirgapError `bundle-invalid` if a name is listed with two digests */
function checkNames(path: string, roots: readonly Root[]): void {
  const digests = new Map<string, Digest>();
  for (const { reference, descriptor } of roots) {
    const name = formatReference(reference);
    if ((digests.get(name) ?? descriptor.digest) !== descriptor.digest) {
      throw invalidBundle(path, `lists ${name} twice with different digests`);
    }
    digests.set(name, descriptor.digest);
  }
}

function annotation({ annotations }: Descriptor, key: string): string | undefined {
  const value: unknown = annotations?.[key];
  return typeof value === 'string' ? value : undefined;
}

/** Returns the full name from containerd's or OCI's annotation; undefined for a bare tag, as other tools write it. */
function imageName(descriptor: Descriptor): Root['reference'] | undefined {
  for (const name of [
    annotation(descriptor, CONTAINERD_NAME_ANNOTATION),
    annotation(descriptor, REF_NAME_ANNOTATION),
  ]) {
    if (name === undefined || !/[/:]/.test(name)) continue;
    const reference = tryParseReference(name);
    if (reference !== undefined) return reference;
  }
  return undefined;
}

/** Returns a bare tag from the name annotation (OCI image layout, `org.opencontainers.image.ref.name`). */
export function tagAnnotation(descriptor: Descriptor): string | undefined {
  const name = annotation(descriptor, REF_NAME_ANNOTATION);
  return name !== undefined && isName('tag', name) ? name : undefined;
}

function assumedImageName(descriptor: Descriptor, assumedReference: Reference | undefined): Reference | undefined {
  const tag = tagAnnotation(descriptor);
  return assumedReference === undefined || tag === undefined
    ? undefined
    : { registry: assumedReference.registry, path: assumedReference.path, tag };
}

/**
 * Returns the chart of a descriptor; undefined for other content.
 * @throws AirgapError `bundle-invalid` for an invalid name or version, since repository and tag are built from them
 */
function chartOf(path: string, descriptor: Descriptor): Omit<BundleChart, 'descriptor'> | undefined {
  const name = annotation(descriptor, CHART_NAME_ANNOTATION);
  const version = annotation(descriptor, CHART_VERSION_ANNOTATION);
  const refName = annotation(descriptor, REF_NAME_ANNOTATION);
  if (name === undefined || version === undefined || !refName?.startsWith(`${CHART_REGISTRY}/`)) return undefined;
  checkName('chart name', name, path, 'bundle-invalid');
  checkName('chart version', version, path, 'bundle-invalid');
  return { name, version, reference: chartReference(name, version) };
}

/** Reads the annotations of a referrer. Untrusted: a tag must be a cosign tag of the subject. */
function referrerOf(descriptor: Descriptor): Omit<Referrer, 'descriptor'> | undefined {
  const subject = annotation(descriptor, SUBJECT_ANNOTATION);
  const repository = repositoryOf(annotation(descriptor, SUBJECT_REPOSITORY_ANNOTATION) ?? '');
  const tag = annotation(descriptor, SUBJECT_TAG_ANNOTATION);
  if (subject === undefined || !isDigest(subject) || repository === undefined) return undefined;
  if (tag !== undefined && !cosignTags(subject).includes(tag)) return undefined;
  const artifactType = typeof descriptor.artifactType === 'string' ? descriptor.artifactType : '';
  return { repository, subject, artifactType, tag };
}

/** Parses an image's repository or a chart's name in the bundle. */
function repositoryOf(name: string): Repository | undefined {
  const chart = name.startsWith(`${CHART_REGISTRY}/`) ? name.slice(CHART_REGISTRY.length + 1) : undefined;
  if (chart === undefined) return tryParseRepository(name);
  return isName('chart name', chart) ? { registry: CHART_REGISTRY, path: chart } : undefined;
}
