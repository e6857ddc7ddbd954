import { chartTag } from '../oci/naming.ts';
import type { Reference, Repository } from '../oci/reference.ts';

/**
 * The names inside a bundle. An image keeps its full reference. A chart is `charts/<name>:<tag>` and the lock is
 * `airgap/lock:v1`: legal by the grammar of `org.opencontainers.image.ref.name`, and never an image's name, because that
 * begins with a registry host, which has a dot, a colon or is `localhost`.
 */
export const CHART_REGISTRY = 'charts';

/** `org.opencontainers.image.ref.name` of the lock. */
export const LOCK_NAME = 'airgap/lock:v1';

/** The annotation of an OCI image layout that names a descriptor of its index. */
export const REF_NAME = 'org.opencontainers.image.ref.name';

/** What containerd (and a Docker daemon on its store) reads first when it imports a layout. */
export const CONTAINERD_NAME = 'io.containerd.image.name';

/** A chart's name and version in the index: its tag has `_` where the version has `+`, and so does not tell the version. */
export const CHART_NAME = 'org.opencontainers.image.title';
export const CHART_VERSION = 'org.opencontainers.image.version';

/** The name of a chart inside a bundle, as a reference that `Bundle.manifest` and a copy's roots understand. */
export function chartReference(name: string, version: string): Reference {
  return { registry: CHART_REGISTRY, path: name, tag: chartTag(version) };
}

/** The chart's name, when the repository is a bundle's name for a chart; undefined for an image. */
export function chartName(repository: Repository): string | undefined {
  return repository.registry === CHART_REGISTRY ? repository.path : undefined;
}
