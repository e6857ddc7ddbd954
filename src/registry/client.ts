import type { Keychain } from '../auth/keychain.ts';
import type { Quota } from '../base/events.ts';
import type { Transport } from '../http/transport.ts';
import type { Body, ManifestContent, Sink, Source } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Repository } from '../oci/reference.ts';
import { blobBody, headBlob } from './blobs.ts';
import { directly } from './hosts.ts';
import { uploadManifest } from './manifest-uploads.ts';
import { getManifest, headManifest } from './manifests.ts';
import { type Mirror, mirroredPlace } from './mirrors.ts';
import { createSession, type Session } from './session.ts';
import { uploadBlob } from './uploads.ts';

export interface RegistryOptions {
  readonly keychain: Keychain;
  readonly transport: Transport;
  /** Stand-ins for reading. Writing always goes where it says. */
  readonly mirrors?: readonly Mirror[];
}

/**
 * A client for every registry that speaks the OCI distribution specification 1.1 or Docker's registry API 2.
 * Hosts come with the repositories; what a host wants to be asked is learned from its first answer.
 */
export class RegistryClient implements Source, Sink {
  readonly #session: Session;
  readonly #mirrors: readonly Mirror[];

  constructor({ keychain, transport, mirrors = [] }: RegistryOptions) {
    this.#session = createSession(transport, keychain);
    this.#mirrors = mirrors;
  }

  /** What registries have said of their limits on pulls so far: the lowest of each, by name. */
  quotas(): readonly Quota[] {
    return [...this.#session.quotas.values()].sort((a, b) => (a.registry < b.registry ? -1 : 1));
  }

  manifest(repository: Repository, tagOrDigest: string): Promise<ManifestContent> {
    return getManifest(this.#session, mirroredPlace(this.#mirrors, repository), tagOrDigest);
  }

  /**
   * The descriptor behind a tag or digest without fetching the manifest; undefined when it is not there.
   * @throws AirgapError `unauthorized`, `forbidden`, `registry`, `network`
   */
  head(repository: Repository, tagOrDigest: string): Promise<Descriptor | undefined> {
    return headManifest(this.#session, mirroredPlace(this.#mirrors, repository), tagOrDigest);
  }

  blob(repository: Repository, descriptor: Descriptor): Body {
    return blobBody(this.#session, mirroredPlace(this.#mirrors, repository), descriptor);
  }

  hasBlob(repository: Repository, descriptor: Descriptor): Promise<boolean> {
    return headBlob(this.#session, directly(repository), descriptor);
  }

  putBlob(
    repository: Repository,
    descriptor: Descriptor,
    body: Body,
    options: { readonly mountFrom?: Repository; readonly signal?: AbortSignal } = {},
  ): Promise<'stored' | 'mounted'> {
    return uploadBlob(this.#session, { ...options, repository, descriptor, body });
  }

  async hasManifest(repository: Repository, tagOrDigest: string): Promise<Digest | undefined> {
    return (await headManifest(this.#session, directly(repository), tagOrDigest))?.digest;
  }

  putManifest(repository: Repository, content: ManifestContent, tag?: string): Promise<void> {
    return uploadManifest(this.#session, repository, content, tag);
  }

  /** Closes the transport with all its connections. */
  close(): Promise<void> {
    return this.#session.transport.close();
  }
}

/** A client for all registries at once. */
export function createRegistryClient(options: RegistryOptions): RegistryClient {
  return new RegistryClient(options);
}
