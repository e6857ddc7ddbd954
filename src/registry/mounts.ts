import { AirgapError, isRefusal } from '../base/errors.ts';
import { discard } from '../http/read.ts';
import { describePlace, directly } from './hosts.ts';
import type { Session } from './session.ts';
import { isStored, postUpload, type Upload } from './upload-start.ts';
import { uploadBlob } from './uploads.ts';

/**
 * Learns which registries tell, by a mount from a repository into itself, whether a blob is there: 201 where it is, an
 * upload session where it is not. That makes one request of two (distribution, Harbor, Zot do so). A registry that ignores
 * mounts (Docker Hub at times) would get blobs a second time, and one that says 201 to every mount (as Gitea did in 2022)
 * would not get them at all: so a mount is believed only after one of each kind has been seen to be right.
 */
export class OwnMounts {
  readonly #session: Session;
  /** By registry; false while it is being tried. */
  readonly #tells = new Map<string, boolean>();

  constructor(session: Session) {
    this.#session = session;
  }

  tells(registry: string): boolean {
    return this.#tells.get(registry) ?? false;
  }

  /** Stores a blob that the registry has said it lacks; the first one of each registry tries its mounts. */
  async upload(upload: Upload): Promise<'stored' | 'mounted' | 'present'> {
    const { registry } = upload.repository;
    if (upload.mountFrom !== undefined || this.#tells.has(registry)) return uploadBlob(this.#session, upload);
    this.#tells.set(registry, false);
    const how = await uploadBlob(this.#session, { ...upload, mountFrom: upload.repository });
    // It may have come in the meantime, or the registry says so to everything.
    if (how === 'present') return (await isStored(this.#session, upload)) ? how : uploadBlob(this.#session, upload);
    this.#tells.set(registry, await this.#mountsOwn(upload));
    return how;
  }

  /** Whether a blob that has just been stored is mounted from its own repository. */
  async #mountsOwn(upload: Upload): Promise<boolean> {
    const { repository, descriptor } = upload;
    const what = describePlace(directly(repository), descriptor.digest);
    try {
      const response = await postUpload(this.#session, upload, what, repository);
      await discard(response);
      return response.status === 201;
    } catch (error) {
      // The blob itself has been stored.
      if (isRefusal(error) || (error instanceof AirgapError && error.code === 'network')) return false;
      throw error;
    }
  }
}
