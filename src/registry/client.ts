import type { Authorizer } from '../auth/authorizer.ts';
import type { Keychain } from '../auth/keychain.ts';
import { type Emit, type Quota, silent } from '../base/events.ts';
import type { Transport } from '../http/transport.ts';
import type { Body, ManifestContent, Mounting, PutBlobOptions, Sink, Source } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Repository } from '../oci/reference.ts';
import { blobBody, headBlob } from './blobs.ts';
import { directly } from './hosts.ts';
import { uploadManifest } from './manifest-uploads.ts';
import { getManifest, headManifest } from './manifests.ts';
import { type Mirror, mirroredPlace } from './mirrors.ts';
import { OwnMounts } from './mounts.ts';
import { ReferrersApi } from './referrers.ts';
import { reported } from './reported.ts';
import { authorizerOf, createSession, type Session } from './session.ts';
import { listTags } from './tags.ts';
import { uploadBlob } from './uploads.ts';

/** Where credentials come from: a keychain of its own, or the authorizer of another client. */
type Credentials = { readonly keychain: Keychain } | { readonly authorizer: Authorizer };

export type RegistryOptions = Credentials & {
  readonly transport: Transport;
  /** Stand-ins for reading. Writing always goes where it says. */
  readonly mirrors?: readonly Mirror[];
  /** What is read may be sent to the same registry: no credentials of others that it redirects to. Default false. */
  readonly isTarget?: boolean;
  /** Whether a registry mounts only what a manifest names, as ECR does. */
  readonly mountsNamedOnly?: (registry: string) => boolean;
  /** Which of many blobs a registry has, for those that can be asked so; undefined for others. */
  readonly askBlobs?: NonNullable<Sink['hasBlobs']>;
  /** Told of everything that is sent, and of what registries warn of. */
  readonly emit?: Emit;
  /** Waits until something may be sent to a registry that says how much it takes. */
  readonly pace?: (action: 'manifest' | 'blob', registry: string) => Promise<void>;
};

/**
 * A client for every registry that speaks the OCI distribution specification 1.1 or Docker's registry API 2.
 * Hosts come with the repositories; what a host wants to be asked is learned from its first answer.
 */
export class RegistryClient implements Source, Sink {
  readonly #session: Session;
  readonly #mirrors: readonly Mirror[];
  readonly #emit: Emit;
  readonly #pace: RegistryOptions['pace'];
  readonly #askBlobs: RegistryOptions['askBlobs'];
  readonly #mountsNamedOnly: (registry: string) => boolean;
  readonly #ownMounts: OwnMounts;
  readonly #referrers: ReferrersApi;
  readonly #answers = new Map<string, number>();

  constructor({
    transport,
    mirrors = [],
    emit = silent,
    pace,
    askBlobs,
    mountsNamedOnly = () => false,
    isTarget = false,
    ...credentials
  }: RegistryOptions) {
    this.#pace = pace;
    this.#askBlobs = askBlobs;
    this.#mountsNamedOnly = mountsNamedOnly;
    this.#emit = emit;
    const authorizer =
      'authorizer' in credentials ? credentials.authorizer : authorizerOf(transport, credentials.keychain);
    this.#session = createSession(transport, authorizer, { emit, isTarget });
    this.#ownMounts = new OwnMounts(this.#session);
    this.#mirrors = mirrors;
    this.#referrers = new ReferrersApi(this.#session);
  }

  /** What puts credentials on its requests. */
  get authorizer(): Authorizer {
    return this.#session.authorizer;
  }

  /** What registries have said of their limits on pulls so far: the lowest of each, by name. */
  quotas(): readonly Quota[] {
    return [...this.#session.quotas.values()].sort((a, b) => (a.registry < b.registry ? -1 : 1));
  }

  /**
   * Milliseconds that a registry takes for a manifest at best: the way there and back, since no answer that had to wait
   * counts. Of several registries, that of the one farthest away; 0 before the first answer.
   */
  distance(): number {
    return Math.max(0, ...this.#answers.values());
  }

  async manifest(repository: Repository, tagOrDigest: string): Promise<ManifestContent> {
    const place = mirroredPlace(this.#mirrors, repository);
    const began = performance.now();
    const manifest = await getManifest(this.#session, place, tagOrDigest);
    const { registry } = place.asked;
    const took = performance.now() - began;
    this.#answers.set(registry, Math.min(took, this.#answers.get(registry) ?? took));
    return manifest;
  }

  /**
   * The descriptor behind a tag or digest without fetching the manifest; undefined when it is not there.
   * @throws AirgapError `unauthorized`, `forbidden`, `registry`, `network`
   */
  head(repository: Repository, tagOrDigest: string): Promise<Descriptor | undefined> {
    return headManifest(this.#session, mirroredPlace(this.#mirrors, repository), tagOrDigest);
  }

  /**
   * What has a manifest as its subject, as the registry's referrers API lists it; undefined when there is no such API.
   * @throws AirgapError `registry`, `network`
   */
  referrers(repository: Repository, subject: Digest): Promise<readonly Descriptor[] | undefined> {
    return this.#referrers.list(mirroredPlace(this.#mirrors, repository), subject);
  }

  blob(repository: Repository, descriptor: Descriptor): Body {
    return blobBody(this.#session, mirroredPlace(this.#mirrors, repository), descriptor);
  }

  hasBlob(repository: Repository, descriptor: Descriptor): Promise<boolean> {
    return headBlob(this.#session, directly(repository), descriptor);
  }

  hasBlobs(repository: Repository, digests: readonly Digest[]): Promise<ReadonlySet<Digest>> | undefined {
    return this.#askBlobs?.(repository, digests);
  }

  mounting({ registry }: Repository): Mounting {
    if (this.#mountsNamedOnly(registry)) return 'named';
    return this.#ownMounts.tells(registry) ? 'tells' : 'any';
  }

  putBlob(
    repository: Repository,
    descriptor: Descriptor,
    body: Body,
    { learn, ...options }: PutBlobOptions = {},
  ): Promise<'stored' | 'mounted' | 'present'> {
    return reported(this.#emit, { item: 'blob', repository, descriptor }, async () => {
      await this.#pace?.('blob', repository.registry);
      // Where only what is named is mounted, everything has been asked for before.
      const isMissing = this.mounting(repository) === 'named';
      const upload = { ...options, repository, descriptor, body, isMissing };
      return learn ? this.#ownMounts.upload(upload) : uploadBlob(this.#session, upload);
    });
  }

  async hasManifest(repository: Repository, tagOrDigest: string): Promise<Digest | undefined> {
    return (await headManifest(this.#session, directly(repository), tagOrDigest))?.digest;
  }

  listTags(repository: Repository): Promise<ReadonlySet<string> | undefined> {
    return listTags(this.#session, repository);
  }

  putManifest(repository: Repository, content: ManifestContent, tag?: string): Promise<void> {
    const { descriptor } = content;
    return reported(this.#emit, { item: 'manifest', repository, descriptor, tag }, async () => {
      await this.#pace?.('manifest', repository.registry);
      await uploadManifest(this.#session, repository, content, tag);
      return undefined;
    });
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
