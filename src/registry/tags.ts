import { AirgapError, isRefusal } from '../base/errors.ts';
import type { Repository } from '../oci/reference.ts';
import { NAMES_PER_PAGE } from './api-url.ts';
import { type NameList, readNames } from './name-list.ts';
import { describeRoute, directRoute, type RepositoryRoute } from './routes.ts';
import type { Session } from './session.ts';

/**
 * Lists the tags of a repository (distribution specification 1.1, "Listing Tags"), of all pages; empty when it does not
 * exist.
 * @returns undefined when the registry does not list them
 * @throws AirgapError `network`
 */
export async function listTags(session: Session, repository: Repository): Promise<ReadonlySet<string> | undefined> {
  try {
    const list = await readTags(session, directRoute(repository));
    if ('names' in list) return list.names;
    return list.status === 404 ? new Set() : undefined;
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

/**
 * Lists the tags of a repository to read from.
 * @throws AirgapError `image-not-found` when it does not exist, `unauthorized`, `forbidden`, `registry`, `network`
 */
export async function sourceTags(session: Session, route: RepositoryRoute): Promise<NameList> {
  const list = await readTags(session, route);
  if ('names' in list) return list;
  throw list.status === 404 ? missingRepository(list.error) : list.error;
}

/**
 * Lists the tags of a repository to delete from, of which none may be unknown; empty when it does not exist.
 * @throws AirgapError `unauthorized`, `forbidden`, `registry` for a list with invalid names, `network`
 */
export async function allTags(session: Session, repository: Repository): Promise<ReadonlySet<string>> {
  const list = await readTags(session, directRoute(repository));
  if (!('names' in list)) {
    if (list.status === 404) return new Set();
    throw list.error;
  }
  // A registry that ends its list after a page and does not say so may have more.
  const isDoubtful = list.names.size === NAMES_PER_PAGE;
  if (list.invalid === 0 && !isDoubtful) return list.names;
  const reason = isDoubtful
    ? `it lists exactly ${NAMES_PER_PAGE} tags, so there may be more`
    : `it lists ${list.invalid} tags with invalid names, which cannot be asked for`;
  throw new AirgapError('registry', reason, { subject: `tags of ${describeRoute(directRoute(repository))}` });
}

function readTags(session: Session, route: RepositoryRoute) {
  const what = `tags of ${describeRoute(route)}`;
  return readNames(session, { repository: route.actual, kind: 'tags', what });
}

function missingRepository(error: AirgapError): AirgapError {
  return error.with({ hint: 'check the name of the repository; some registries say this when it needs a login' });
}
