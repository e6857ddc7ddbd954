import { AirgapError } from '../base/errors.ts';
import { readErrorBody } from '../http/error-body.ts';
import { discardBody } from '../http/response-body.ts';
import { isDigest } from '../oci/digest.ts';
import type { Repository } from '../oci/reference.ts';
import { errorFromBody } from './errors.ts';
import { describeRoute, directRoute } from './routes.ts';
import type { Session } from './session.ts';

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
  const isTag = !isDigest(tagOrDigest);
  if (isUnsupported(status, errorBody.code, isTag)) {
    const hint = 'allow it in the registry; distribution (docker-registry) needs storage.delete.enabled: true';
    throw new AirgapError(
      'unsupported',
      `${url.host} returned ${status}: it does not delete${isTag ? ' single tags' : ''}`,
      {
        subject: what,
        detail: error.parts.detail,
        hint: isTag ? "delete it with the registry's own tools, or let it be: it takes no space" : hint,
      },
    );
  }
  if (error.code !== 'unauthorized' && error.code !== 'forbidden') throw error;
  const hint = 'use a login that may delete, which is another permission than to push';
  throw error.with({ hint: error.hint === undefined ? hint : `${error.hint}; ${hint}` });
}

/** Reports whether a registry does not delete at all, or no tags: distribution 2.8 expects a digest there. */
function isUnsupported(status: number, code: string, isTag: boolean): boolean {
  if (status === 405 || status === 501 || code === 'UNSUPPORTED') return true;
  return isTag && status === 400 && ['DIGEST_INVALID', 'MANIFEST_INVALID', 'TAG_INVALID'].includes(code);
}
