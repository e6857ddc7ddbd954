import { type Descriptor, MediaType } from '../../src/oci/descriptor.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { type MemoryRegistry, noise } from './memory-registry.ts';

export const SBOM = 'application/spdx+json';

/** Adds a manifest with the given subject and a blob of its own. */
export function addReferrer(
  registry: MemoryRegistry,
  repository: string,
  subject: Descriptor,
  artifactType = SBOM,
  annotations: Readonly<Record<string, string>> = {},
): Descriptor {
  return registry.addManifest(
    repository,
    {
      schemaVersion: 2,
      mediaType: MediaType.ociManifest,
      artifactType,
      config: registry.addBlob(repository, MediaType.empty, Buffer.from('{}')),
      layers: [registry.addBlob(repository, artifactType, noise(`${artifactType} of ${subject.digest}`, 300))],
      subject,
      annotations,
    },
    MediaType.ociManifest,
  );
}

/** Adds a referrer that only a cosign tag associates with the manifest. */
export function addTagged(
  registry: MemoryRegistry,
  repository: string,
  { digest }: Descriptor,
  suffix = 'sig',
): Descriptor {
  return registry.addImage(repository, tagOf(digest, suffix), [noise(`${suffix} of ${digest}`, 200)]);
}

export function tagOf(digest: Digest, suffix?: string): string {
  return `${digest.replace(':', '-')}${suffix === undefined ? '' : `.${suffix}`}`;
}
