import { AirgapError } from '../base/errors.ts';
import { isName } from '../base/names.ts';
import { readErrorBody } from '../http/error-body.ts';
import { discardBody, readPrefix, responseHeader } from '../http/response-body.ts';
import { resolveUrl } from '../http/response-url.ts';
import { MediaType } from '../oci/descriptor.ts';
import { randomDigest } from '../oci/digest.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import { errorFromBody, registryError } from './errors.ts';
import { refusalOf } from './refusals.ts';
import type { Session } from './session.ts';

/** Bytes of a page of a list. */
const PAGE_LIMIT = 64 * 1024;

/**
 * Reports whether a repository exists and may be read: its list of tags is asked for.
 * @throws AirgapError `unauthorized` or `forbidden`, as many registries answer for a repository that does not exist; `registry`,
 *   `network`
 */
export async function repositoryExists(session: Session, repository: Repository): Promise<boolean> {
  const response = await session.send({
    method: 'GET',
    repository,
    actions: 'pull',
    endpoint: { kind: 'tags', query: 'n=1' },
    what: formatRepository(repository),
    retry: false,
  });
  if (response.status === 200 || response.status === 404) {
    await discardBody(response);
    return response.status === 200;
  }
  throw await registryError(response, { what: formatRepository(repository), registry: repository.registry });
}

/**
 * Returns a repository of a prefix from the first page of the registry's list; undefined if there is none in it.
 * @throws AirgapError `unauthorized`, `forbidden`, `registry` for a registry that does not list them; `network`
 */
export async function repositoryBelow(session: Session, { registry, path }: Repository): Promise<string | undefined> {
  const what = `repositories of ${registry}`;
  // The list is in alphabetical order.
  const query = path === '' ? 'n=20' : `n=20&last=${encodeURIComponent(`${path}/`)}`;
  const response = await session.send({
    method: 'GET',
    repository: { registry, path: '' },
    actions: 'catalog',
    endpoint: { kind: 'catalog', query },
    what,
    retry: false,
  });
  if (response.status !== 200) throw await registryError(response, { what, registry });
  const text = Buffer.from(await readPrefix(response, PAGE_LIMIT)).toString('utf8');
  return namesIn(text, what).find((name) => path === '' || name.startsWith(`${path}/`));
}

function namesIn(text: string, what: string): string[] {
  try {
    const { repositories } = JSON.parse(text) as { readonly repositories?: unknown };
    if (repositories === null || Array.isArray(repositories))
      return ((repositories ?? []) as unknown[]).filter(
        (name): name is string => typeof name === 'string' && isName('repository', name),
      );
  } catch {
    // Reported below.
  }
  throw new AirgapError('registry', 'the answer is not a list of repositories', { subject: what });
}

/**
 * Asks whether a login may push to a repository, by a manifest that no registry stores: it is empty, and its digest is that of
 * something else. The repository has to exist: otherwise some registries create it.
 * @returns undefined if the answer does not tell
 * @throws AirgapError `unauthorized`, `forbidden`, `unsupported` (a registry that takes no pushes), `network`
 */
export async function mayPush(session: Session, repository: Repository): Promise<true | undefined> {
  const body = Buffer.from('{}');
  const what = formatRepository(repository);
  const response = await session.send({
    method: 'PUT',
    repository,
    actions: 'pull,push',
    endpoint: { kind: 'manifests', reference: randomDigest() },
    headers: { 'content-type': MediaType.ociManifest },
    body: { length: body.length, open: () => body },
    what,
    retry: false,
  });
  const { status } = response;
  const errorBody = await readErrorBody(response);
  const error = errorFromBody(response, errorBody, { what, registry: repository.registry, writes: true });
  if (status === 401 || status === 403) throw error;
  if (status === 405 || refusalOf(status, errorBody) === 'read-only') {
    const hint = 'push to another registry: a pull-through cache or a registry that is read-only takes no images';
    throw new AirgapError('unsupported', `${response.url.host} returned ${status}: it takes no pushes`, { hint });
  }
  return [400, 413, 415, 422].includes(status) ? true : undefined;
}

/**
 * Opens an upload session and cancels it (distribution specification 1.1, "Pushing blobs"; "DELETE" of a session is of Docker's
 * registry API 2). Some registries create the repository.
 * @returns whether the registry has cancelled it
 * @throws AirgapError `unauthorized`, `forbidden`, `registry`, `network`
 */
export async function tryUpload(session: Session, repository: Repository): Promise<'cancelled' | 'left'> {
  const what = `upload to ${formatRepository(repository)}`;
  const empty = { length: 0, open: () => new Uint8Array() };
  const request = { repository, actions: 'pull,push', what, retry: false } as const;
  const response = await session.send({ ...request, method: 'POST', endpoint: { kind: 'uploads' }, body: empty });
  if (response.status < 200 || response.status > 204)
    throw await registryError(response, { what, registry: repository.registry, writes: true });
  await discardBody(response);
  const location = resolveUrl(responseHeader(response, 'location') ?? '', response.url);
  // The login goes to the registry only; that of another host is in its URL.
  if (location === undefined) return 'left';
  if (response.url.protocol === 'https:' && location.hostname === response.url.hostname) location.protocol = 'https:';
  const cancelled = await session.send({ ...request, method: 'DELETE', endpoint: location });
  await discardBody(cancelled);
  return cancelled.status < 300 ? 'cancelled' : 'left';
}
