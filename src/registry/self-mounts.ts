import { AirgapError, isRefusal } from '../base/errors.ts';
import { discardBody } from '../http/response-body.ts';
import { describeRoute, directRoute } from './hosts.ts';
import type { Session } from './session.ts';
import { isStored, postUpload, type UploadRequest } from './upload-start.ts';
import { uploadBlob } from './uploads.ts';

/**
 * Learns which registries can check for a blob by mounting it from a repository into itself: 201 when it exists, an
 * upload session when it does not (distribution, Harbor, Zot). That saves a request per blob. A registry that ignores
 * mounts (Docker Hub at times) would get blobs twice, and one that returns 201 to every mount (Gitea in 2022) would not
 * get them at all. Self-mounts are therefore trusted only after one correct result of each kind.
 */
export class SelfMounts {
  readonly #session: Session;
  /** By registry; false while it is being tested. */
  readonly #isReliable = new Map<string, boolean>();

  constructor(session: Session) {
    this.#session = session;
  }

  isReliable(registry: string): boolean {
    return this.#isReliable.get(registry) ?? false;
  }

  /** Stores a blob that the registry is known to lack. The first blob of each registry tests its self-mounts. */
  async upload(upload: UploadRequest): Promise<'stored' | 'mounted' | 'present'> {
    const { registry } = upload.repository;
    if (upload.mountFrom !== undefined || this.#isReliable.has(registry)) return uploadBlob(this.#session, upload);
    this.#isReliable.set(registry, false);
    const outcome = await uploadBlob(this.#session, { ...upload, mountFrom: upload.repository });
    // Another client may have uploaded it meanwhile, or the registry returns 201 to every mount.
    if (outcome === 'present')
      return (await isStored(this.#session, upload)) ? outcome : uploadBlob(this.#session, upload);
    this.#isReliable.set(registry, await this.#canSelfMount(upload));
    return outcome;
  }

  /** Reports whether a blob that was just stored can be mounted from its own repository. */
  async #canSelfMount(upload: UploadRequest): Promise<boolean> {
    const { repository, descriptor } = upload;
    const what = describeRoute(directRoute(repository), descriptor.digest);
    try {
      const response = await postUpload(this.#session, upload, what, repository);
      await discardBody(response);
      return response.status === 201;
    } catch (error) {
      // The blob is stored, so a failed test is not an error.
      if (isRefusal(error) || (error instanceof AirgapError && error.code === 'network')) return false;
      throw error;
    }
  }
}
