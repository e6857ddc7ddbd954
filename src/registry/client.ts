import type { Authorizer } from '../auth/authorizer.ts';
import type { Keychain } from '../auth/keychain.ts';
import { count } from '../base/count.ts';
import { type Emit, ignoreEvents, type Quota, type Transfer } from '../base/events.ts';
import type { Transport } from '../http/transport.ts';
import type { Body, ManifestContent, MountSupport, PutBlobOptions, RegistrySource, Sink } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import { headBlob } from './blobs.ts';
import { listRepositories } from './catalog.ts';
import { deleteManifest } from './deletes.ts';
import type { EquivalentUse } from './equivalents.ts';
import { uploadManifest } from './manifest-uploads.ts';
import { headManifest } from './manifests.ts';
import { MirroredReads } from './mirrored-reads.ts';
import type { NameList } from './name-list.ts';
import { directRoute, type Mirror } from './routes.ts';
import { createSession, keychainAuthorizer, type Session } from './session.ts';
import { allTags, listTags } from './tags.ts';
import { SelfMounts, uploadBlob } from './uploads.ts';

/** Source of credentials: a keychain, or the authorizer of another client. */
type CredentialSource = { readonly keychain: Keychain } | { readonly authorizer: Authorizer };

export type RegistryOptions = CredentialSource & {
  readonly transport: Transport;
  /** Mirrors for reads, in order. Writes always go to the named registry. */
  readonly mirrors?: readonly Mirror[];
  /** Returns the repository that is read instead of another one if its tag has the same digest. */
  readonly equivalentOf?: ((repository: Repository) => Repository | undefined) | undefined;
  /** True for a push target: its redirects get no credentials of other registries. Default false. */
  readonly isPushTarget?: boolean;
  /** Reports whether a registry mounts only blobs named by a manifest, as ECR does. */
  readonly mountsNamedOnly?: (registry: string) => boolean;
  /** Finds the blobs of a list that a repository has, if its registry has an API for that; otherwise undefined. */
  readonly findBlobs?: NonNullable<Sink['hasBlobs']>;
  /** Receives transfers and the warnings of registries. */
  readonly emit?: Emit;
  /** Receives what was served by which mirror. Default: `emit`. */
  readonly emitServed?: Emit;
  /** Waits until an item may be sent to a registry with published quotas. */
  readonly rateLimiter?: (action: 'manifest' | 'blob', registry: string) => Promise<void>;
};

/**
 * Client for registries that implement the OCI distribution specification 1.1 or Docker's registry API 2. Serves any
 * number of hosts, and learns the authentication of each from its first response.
 */
export class RegistryClient implements RegistrySource, Sink {
  readonly #session: Session;
  readonly #reads: MirroredReads;
  readonly #emit: Emit;
  readonly #rateLimiter: RegistryOptions['rateLimiter'];
  readonly #findBlobs: RegistryOptions['findBlobs'];
  readonly #mountsNamedOnly: (registry: string) => boolean;
  readonly #selfMounts: SelfMounts;
  readonly #roundTrips = new Map<string, number>();
  /** Registries whose invalid names have been reported. */
  readonly #invalidNames = new Set<string>();

  constructor({
    transport,
    mirrors = [],
    equivalentOf,
    emit = ignoreEvents,
    emitServed = emit,
    rateLimiter,
    findBlobs,
    mountsNamedOnly = () => false,
    isPushTarget = false,
    ...credentials
  }: RegistryOptions) {
    this.#rateLimiter = rateLimiter;
    this.#findBlobs = findBlobs;
    this.#mountsNamedOnly = mountsNamedOnly;
    this.#emit = emit;
    const authorizer =
      'authorizer' in credentials ? credentials.authorizer : keychainAuthorizer(transport, credentials.keychain);
    this.#session = createSession(transport, authorizer, { emit, isPushTarget });
    this.#selfMounts = new SelfMounts(this.#session);
    const onManifest = (registry: string, duration: number): void => {
      this.#roundTrips.set(registry, Math.min(duration, this.#roundTrips.get(registry) ?? duration));
    };
    this.#reads = new MirroredReads(this.#session, { mirrors, equivalentOf, emit: emitServed, onManifest });
  }

  /** Adds credentials to its requests. */
  get authorizer(): Authorizer {
    return this.#session.authorizer;
  }

  /** Returns the pull limits seen so far: the lowest value per registry, sorted by name. */
  quotas(): readonly Quota[] {
    return [...this.#session.quotas.values()].sort((a, b) => (a.registry < b.registry ? -1 : 1));
  }

  /**
   * Returns the round-trip time in milliseconds: the fastest manifest response of a registry, or that of the slowest
   * one of several registries. 0 before the first response.
   */
  roundTripTime(): number {
    return Math.max(0, ...this.#roundTrips.values());
  }

  /** Returns how images were read that have an equivalent in another repository. */
  equivalentUse(): EquivalentUse {
    return this.#reads.equivalentUse();
  }

  manifest(repository: Repository, tagOrDigest: string): Promise<ManifestContent> {
    return this.#reads.manifest(repository, tagOrDigest);
  }

  head(repository: Repository, tagOrDigest: string): Promise<Descriptor | undefined> {
    return this.#reads.head(repository, tagOrDigest);
  }

  referrers(repository: Repository, subject: Digest): Promise<readonly Descriptor[] | undefined> {
    return this.#reads.referrers(repository, subject);
  }

  /**
   * Lists the repositories of a registry, without mirrors: a cache knows only what it was asked for.
   * @throws AirgapError `unauthorized`, `forbidden`, `unsupported` when the registry hides them; `registry`, `network`
   */
  async catalog(registry: string): Promise<readonly string[]> {
    return [...this.#validNames(registry, await listRepositories(this.#session, registry))];
  }

  /**
   * Lists the tags of a repository to read from; {@link listTags} asks a repository to write to.
   * @throws AirgapError `image-not-found` when it does not exist, `unauthorized`, `forbidden`, `registry`, `network`
   */
  async tags(repository: Repository): Promise<ReadonlySet<string>> {
    const { value, route } = await this.#reads.tags(repository);
    return this.#validNames(route.actual.registry, value);
  }

  /** Reports whether tags are read from a mirror. A cache may list fewer of them than it serves. */
  hasMirrors(repository: Repository): boolean {
    return this.#reads.hasMirrors(repository);
  }

  /** Warns about invalid names, once for each registry. */
  #validNames(registry: string, { names, invalid }: NameList): ReadonlySet<string> {
    if (invalid > 0 && !this.#invalidNames.has(registry)) {
      this.#invalidNames.add(registry);
      const message = `${registry} lists ${count(invalid, 'invalid name')} of tags or repositories, which are left out`;
      this.#emit({ type: 'warning', message });
    }
    return names;
  }

  blob(repository: Repository, descriptor: Descriptor): Body {
    return this.#reads.blob(repository, descriptor);
  }

  /** Returns the repository that is expected to serve a blob of another one, for {@link expectAt} of another client. */
  expectedAt(repository: Repository, digest: Digest): Repository | undefined {
    return this.#reads.expectedAt(repository, digest);
  }

  /** Reads a blob of a repository from another one first. */
  expectAt(repository: Repository, digest: Digest, actual: Repository): void {
    this.#reads.expectAt(repository, digest, actual);
  }

  hasBlob(repository: Repository, descriptor: Descriptor): Promise<boolean> {
    return headBlob(this.#session, directRoute(repository), descriptor);
  }

  hasBlobs(repository: Repository, digests: readonly Digest[]): Promise<ReadonlySet<Digest>> | undefined {
    return this.#findBlobs?.(repository, digests);
  }

  mountSupport({ registry }: Repository): MountSupport {
    if (this.#mountsNamedOnly(registry)) return 'named';
    return this.#selfMounts.isReliable(registry) ? 'self-mount' : 'any';
  }

  putBlob(
    repository: Repository,
    descriptor: Descriptor,
    body: Body,
    { probeMountSupport, ...options }: PutBlobOptions = {},
  ): Promise<'stored' | 'mounted' | 'present'> {
    return reportTransfer(this.#emit, { item: 'blob', repository, descriptor }, async () => {
      await this.#rateLimiter?.('blob', repository.registry);
      // In this mode, the caller has already checked which blobs exist.
      const isMissing = this.mountSupport(repository) === 'named';
      const upload = { ...options, repository, descriptor, body, isMissing };
      return probeMountSupport ? this.#selfMounts.upload(upload) : uploadBlob(this.#session, upload);
    });
  }

  async hasManifest(repository: Repository, tagOrDigest: string): Promise<Digest | undefined> {
    return (await headManifest(this.#session, directRoute(repository), tagOrDigest))?.digest;
  }

  listTags(repository: Repository): Promise<ReadonlySet<string> | undefined> {
    return listTags(this.#session, repository);
  }

  /**
   * Lists the tags of a repository to delete from, of which none may be unknown; empty when it does not exist.
   * @throws AirgapError `unauthorized`, `forbidden`, `registry` for a list with invalid names, `network`
   */
  allTags(repository: Repository): Promise<ReadonlySet<string>> {
    return allTags(this.#session, repository);
  }

  putManifest(repository: Repository, content: ManifestContent, tag?: string): Promise<void> {
    const { descriptor } = content;
    return reportTransfer(this.#emit, { item: 'manifest', repository, descriptor, tag }, async () => {
      await this.#rateLimiter?.('manifest', repository.registry);
      await uploadManifest(this.#session, repository, content, tag);
      return undefined;
    });
  }

  /**
   * Deletes a manifest by its digest, or a tag.
   * @returns `gone` if the registry does not have it
   * @throws AirgapError `unsupported` if the registry does not delete, `unauthorized` or `forbidden`
   */
  deleteManifest(repository: Repository, tagOrDigest: string): Promise<'deleted' | 'gone'> {
    return deleteManifest(this.#session, repository, tagOrDigest);
  }

  /** Closes the transport with all its connections. */
  close(): Promise<void> {
    return this.#session.transport.close();
  }
}

/** Creates a client for any number of registries. */
export function createRegistryClient(options: RegistryOptions): RegistryClient {
  return new RegistryClient(options);
}

/** Item that is sent, and its target repository. */
interface TransferItem {
  readonly item: Transfer['item'];
  readonly repository: Repository;
  readonly descriptor: Descriptor;
  readonly tag?: string | undefined;
}

/**
 * Runs a transfer and emits its outcome and duration. `work` returns the outcome; undefined (manifests) means stored.
 */
async function reportTransfer<R extends 'stored' | 'mounted' | 'present' | undefined>(
  emit: Emit,
  { item, repository, descriptor, tag }: TransferItem,
  work: () => Promise<R>,
): Promise<R> {
  const startedAt = performance.now();
  const { digest, size: bytes } = descriptor;
  const report = (status: Transfer['status']): void =>
    emit({
      type: 'transfer',
      item,
      digest,
      bytes,
      repository: formatRepository(repository),
      tag,
      status,
      seconds: Math.round(performance.now() - startedAt) / 1000,
    });
  try {
    const outcome = await work();
    if (outcome !== 'present') report(outcome ?? 'stored');
    return outcome;
  } catch (error) {
    report('failed');
    throw error;
  }
}
