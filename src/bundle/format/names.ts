import { chartTag } from '../../naming/naming.ts';
import { algorithmOf, type Digest, encodedOf } from '../../oci/digest.ts';
import type { Reference, Repository } from '../../oci/reference.ts';

/**
 * First component of chart names in a bundle. Images keep their full reference, charts are `charts/<name>:<tag>`, and
 * the inventory is `airgap/lock:v1`. These are legal in `org.opencontainers.image.ref.name` and cannot be image names,
 * which start with a registry host: that has a dot, a colon or is `localhost`.
 */
export const CHART_REGISTRY = 'charts';

/** Name of the inventory without its tag: the repository in cosign signatures. */
export const INVENTORY_REPOSITORY = 'airgap/lock';

/** `org.opencontainers.image.ref.name` of the inventory. */
export const INVENTORY_NAME = `${INVENTORY_REPOSITORY}:v1`;

/** Returns the name of the inventory's signature: its cosign tag (specs/SIGNATURE_SPEC.md). */
export function signatureName(inventory: Digest): string {
  return `${INVENTORY_REPOSITORY}:${algorithmOf(inventory)}-${encodedOf(inventory)}.sig`;
}

/** Reports whether a name in the index is that of an inventory's signature. */
export function isSignatureName(name: string | undefined): boolean {
  return name?.startsWith(`${INVENTORY_REPOSITORY}:`) === true && name.endsWith('.sig');
}

/** `artifactType` of a cosign signature. */
export const SIGNATURE_TYPE = 'application/vnd.dev.cosign.artifact.sig.v1+json';

/** Annotation by which `cosign verify --local-image` finds the signed manifest and its signature. */
export const COSIGN_KIND_ANNOTATION = 'kind';

/** Annotation with the name of a descriptor in an OCI image layout's index. */
export const REF_NAME_ANNOTATION = 'org.opencontainers.image.ref.name';

/** Name annotation that containerd, and a Docker daemon on its store, prefers when it imports a layout. */
export const CONTAINERD_NAME_ANNOTATION = 'io.containerd.image.name';

/** Annotations with a chart's name and version. The tag is ambiguous: it has `_` instead of `+`. */
export const CHART_NAME_ANNOTATION = 'org.opencontainers.image.title';
export const CHART_VERSION_ANNOTATION = 'org.opencontainers.image.version';

/**
 * Annotations of referrers: digest and repository of the subject (for a chart, its name in the bundle), and the cosign
 * tag if there is no `subject` field. Referrers have no name in the index, as in other tools' layouts, so that readers
 * do not treat them as images.
 */
export const SUBJECT_ANNOTATION = 'vnd.helm-airgap.subject';
export const SUBJECT_REPOSITORY_ANNOTATION = 'vnd.helm-airgap.repository';
export const SUBJECT_TAG_ANNOTATION = 'vnd.helm-airgap.tag';

/** Returns the name of a chart in a bundle, as a reference for `Bundle.manifest` and for roots of a copy. */
export function chartReference(name: string, version: string): Reference {
  return { registry: CHART_REGISTRY, path: name, tag: chartTag(version) };
}

/** First component of the names of chart archives that are pushed by themselves, in graphs and receipts; in no bundle. */
const CHART_ARCHIVE_REGISTRY = 'chart-archives';

/** Returns the name of a chart archive that is pushed by itself, for roots of a copy. */
export function chartArchiveReference(name: string, version: string): Reference {
  return { registry: CHART_ARCHIVE_REGISTRY, path: name, tag: chartTag(version) };
}

/** Returns the chart name of a chart archive that is pushed by itself; undefined for charts of bundles and images. */
export function chartArchiveName(repository: Repository): string | undefined {
  return repository.registry === CHART_ARCHIVE_REGISTRY ? repository.path : undefined;
}

/** Reports whether the formatted name of a root is that of a chart archive that was pushed by itself. */
export function isChartArchiveName(name: string): boolean {
  return name.startsWith(`${CHART_ARCHIVE_REGISTRY}/`);
}

/** Returns the chart name of a chart's repository in a bundle; undefined for an image. */
export function chartName(repository: Repository): string | undefined {
  return repository.registry === CHART_REGISTRY ? repository.path : undefined;
}
