import { responseHeader } from '../http/response-body.ts';
import type { Repository } from '../oci/reference.ts';
import { describeRoute, directRoute } from './hosts.ts';
import type { Session } from './session.ts';

/** Maximum bytes of a list: 1000 tags of 128 characters, plus formatting. */
const PAGE_LIMIT = 1024 * 1024;

/**
 * Lists the tags of a repository (distribution specification 1.1, "Listing Tags"); empty when it does not exist.
 * @returns undefined when the registry does not return the whole list on one page
 * @throws AirgapError `network`, `registry` for a response that is too large
 */
export async function listTags(session: Session, repository: Repository): Promise<ReadonlySet<string> | undefined> {
  const what = `tags of ${describeRoute(directRoute(repository))}`;
  const { response, bytes } = await session.read(
    { method: 'GET', repository, actions: 'pull', endpoint: { kind: 'tags' }, what },
    PAGE_LIMIT,
  );
  if (response.status === 404) return new Set();
  if (response.status !== 200 || responseHeader(response, 'link') !== undefined) return undefined;
  try {
    const { tags } = JSON.parse(Buffer.from(bytes).toString('utf8')) as { tags?: unknown };
    // Go serializes an empty list as null. A web page has no list.
    if (tags === null) return new Set();
    return Array.isArray(tags) ? new Set(tags.filter((tag) => typeof tag === 'string')) : undefined;
  } catch {
    return undefined;
  }
}
