import { AirgapError } from '../base/errors.ts';
import { type NameList, readNames } from './name-list.ts';
import type { Session } from './session.ts';

/** What to do about a registry that does not list its repositories. */
export const HIDDEN_CATALOG_HINT = 'write their names to a file, one per line, and name it with --repositories FILE';

/**
 * Lists the paths of all repositories of a registry that the user may see (Docker's registry API 2, "Catalog"), of all
 * pages. Many registries hide that list: Docker Hub, GHCR, GitLab and Harbor show it to nobody, or to administrators only.
 * @throws AirgapError `unauthorized`, `forbidden`, `unsupported` when it is hidden; `registry`, `network`
 */
export async function listRepositories(session: Session, registry: string): Promise<NameList> {
  const what = `repositories of ${registry}`;
  const list = await readNames(session, { repository: { registry, path: '' }, kind: 'catalog', what });
  if ('names' in list) return list;
  const { error, status } = list;
  if (!isHidden(status, error)) throw error;
  const code = error.code === 'unauthorized' || error.code === 'forbidden' ? error.code : 'unsupported';
  const hint =
    code === 'unsupported' ? HIDDEN_CATALOG_HINT : [error.hint, HIDDEN_CATALOG_HINT].filter(Boolean).join('; or ');
  throw new AirgapError(code, 'the registry does not list them', {
    subject: what,
    detail: error.reason,
    hint,
    cause: error,
  });
}

/** Reports whether an answer means that the list is not for this user or does not exist, instead of a failure. */
function isHidden(status: number, error: AirgapError): boolean {
  if (error.isTransient) return false;
  // A web page, or another document.
  if (status === 200) return true;
  return (status >= 400 && status < 500 && status !== 408 && status !== 429) || status === 501;
}
