import { algorithmOf, type Digest, encodedOf } from '../oci/digest.ts';
import { chartTag } from '../oci/naming.ts';
import type { Reference, Repository } from '../oci/reference.ts';

/**
 * The names inside a bundle. An image keeps its full reference. A chart is `charts/<name>:<tag>` and the lock is
 * `airgap/lock:v1`: legal by the grammar of `org.opencontainers.image.ref.name`, and never an image's name, because that
 * begins with a registry host, which has a dot, a colon or is `localhost`.
 */
export const CHART_REGISTRY = 'charts';

/** The lock's name without its tag; cosign takes it for the repository of what is signed. */
export const LOCK_REPOSITORY = 'airgap/lock';

/** `org.opencontainers.image.ref.name` of the lock. */
export const LOCK_NAME = `${LOCK_REPOSITORY}:v1`;

/** The name of the lock's signature: cosign's tag for it (specs/SIGNATURE_SPEC.md), beside the lock. */
export function signatureName(lock: Digest): string {
  return `${LOCK_REPOSITORY}:${algorithmOf(lock)}-${encodedOf(lock)}.sig`;
}

/** Whether an entry of the index is called like the signature of a lock, whichever. */
export function isSignatureName(name: string | undefined): boolean {
  return name?.startsWith(`${LOCK_REPOSITORY}:`) === true && name.endsWith('.sig');
}

/** `artifactType` of a cosign signature. */
export const SIGNATURE_TYPE = 'application/vnd.dev.cosign.artifact.sig.v1+json';

/** By this annotation of the index cosign finds what is signed, and the signature (cosign verify --local-image). */
export const COSIGN_KIND = 'kind';

/** The annotation of an OCI image layout that names a descriptor of its index. */
export const REF_NAME = 'org.opencontainers.image.ref.name';

/** What containerd (and a Docker daemon on its store) reads first when it imports a layout. */
export const CONTAINERD_NAME = 'io.containerd.image.name';

/** A chart's name and version in the index: its tag has `_` where the version has `+`, and so does not tell the version. */
export const CHART_NAME = 'org.opencontainers.image.title';
export const CHART_VERSION = 'org.opencontainers.image.version';

/**
 * What belongs to an image stands in the index without a name, as other tools' layouts have it, so that nobody takes it
 * for an image: digest of its subject, the subject's repository (an image's, or a chart's name in the bundle), and cosign's
 * tag where that alone ties them.
 */
export const SUBJECT = 'vnd.helm-airgap.subject';
export const SUBJECT_REPOSITORY = 'vnd.helm-airgap.repository';
export const SUBJECT_TAG = 'vnd.helm-airgap.tag';

/** The name of a chart inside a bundle, as a reference that `Bundle.manifest` and a copy's roots understand. */
export function chartReference(name: string, version: string): Reference {
  return { registry: CHART_REGISTRY, path: name, tag: chartTag(version) };
}

/** The chart's name, when the repository is a bundle's name for a chart; undefined for an image. */
export function chartName(repository: Repository): string | undefined {
  return repository.registry === CHART_REGISTRY ? repository.path : undefined;
}
