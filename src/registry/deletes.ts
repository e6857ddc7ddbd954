import { AirgapError } from '../base/errors.ts';
import { readErrorBody } from '../http/error-body.ts';
import { discardBody } from '../http/response-body.ts';
import type { Repository } from '../oci/reference.ts';
import { errorFromBody } from './errors.ts';
import { describeRoute, directRoute } from './routes.ts';
import type { Session } from './session.ts';

/** Statuses by which registries say that they do not delete: 405 by the specification, 400 and 501 by some. */
const UNSUPPORTED_STATUSES: readonly number[] = [400, 405, 501];

/**
 * Deletes a manifest by its digest, or a tag (distribution specification 1.1, "Deleting tags", "Deleting Manifests").
 * Registries differ in what else goes: with a digest, all of its tags; with a tag, in some the manifest too. The caller has to
 * look.
 * @returns `gone` if the registry does not have it
 * @throws AirgapError `unsupported` if the registry does not delete, `unauthorized` or `forbidden` without the permission
 */
export async function deleteManifest(
  session: Session,
  repository: Repository,
  tagOrDigest: string,
): Promise<'deleted' | 'gone'> {
  const what = describeRoute(directRoute(repository), tagOrDigest);
  const response = await session.send({
    method: 'DELETE',
    repository,
    actions: 'pull,delete',
    endpoint: { kind: 'manifests', reference: tagOrDigest },
    what,
  });
  const { status, url } = response;
  if (status >= 200 && status < 300) {
    await discardBody(response);
    return 'deleted';
  }
  if (status === 404) {
    await discardBody(response);
    return 'gone';
  }
  const errorBody = await readErrorBody(response);
  const error = errorFromBody(response, errorBody, { what, registry: repository.registry });
  if (UNSUPPORTED_STATUSES.includes(status) && (status !== 400 || errorBody.code === 'UNSUPPORTED')) {
    throw new AirgapError('unsupported', `${url.host} returned ${status}: it does not delete`, {
      subject: what,
      detail: error.parts.detail,
      hint: 'allow it in the registry; distribution (docker-registry) needs storage.delete.enabled: true',
    });
  }
  if (error.code !== 'unauthorized' && error.code !== 'forbidden') throw error;
  const hint = 'use a login that may delete, which is another permission than to push';
  throw error.with({ hint: error.hint === undefined ? hint : `${error.hint}; ${hint}` });
}
