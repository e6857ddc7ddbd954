import { isName } from '../../base/names.ts';
import { pool } from '../../base/pool.ts';
import { printableLine } from '../../base/printable.ts';
import type { AccessRepository } from '../../inventory/access.ts';
import type { Repository, RepositorySettings, UserAccess } from '../../mirantis/api.ts';
import { type AccessReader, isLevel, type ReadOrganization, rightsOf } from './read-organizations.ts';

/** Reads settings and rights of repositories: two requests for each, because lists leave long descriptions out. */
export async function readRepositories(
  reader: AccessReader,
  repositories: readonly Repository[],
  organizations: readonly ReadOrganization[],
  advance: () => void,
): Promise<readonly AccessRepository[]> {
  const { unread, users, concurrency } = reader;
  const byName = new Map(organizations.map((each) => [each.organization.name, each]));
  const valid = repositories.filter(({ namespace, name }) => {
    const isKnown = byName.has(namespace) || users.has(namespace);
    const isValid = isName('repository', name) && !name.includes('/');
    if (isKnown && isValid) return true;
    const reason = isValid ? 'its namespace is not one of the accounts and organizations' : 'its name is not valid';
    unread.add(`repository ${printableLine(`${namespace}/${name}`)}`, reason);
    return false;
  });
  // Registries either have rights of accounts or not: the first answer is that of all.
  const userAccess = { isKnown: true };
  return pool(valid, concurrency, async (repository) => {
    const owner = byName.get(repository.namespace);
    const read = await readRepository(reader, repository, owner, userAccess);
    advance();
    return read;
  });
}

async function readRepository(
  { client, unread, users }: AccessReader,
  repository: Repository,
  owner: ReadOrganization | undefined,
  userAccess: { isKnown: boolean },
): Promise<AccessRepository> {
  const { namespace, name } = repository;
  const title = `repository ${namespace}/${name}`;
  const whole = await unread.read(`settings of ${title}`, () => client.getRepository(namespace, name));
  const settings = settingsOf({ ...repository, ...whole });
  if (owner !== undefined) {
    const access = await unread.read(`access of teams to ${title}`, () => client.listRepositoryTeams(namespace, name));
    const levels = rightsOf(unread, title, access ?? [], owner.teamNames);
    return { namespace, name, settings, teams: [...levels].map(([team, level]) => ({ team, access: level })) };
  }
  let access: readonly UserAccess[] = [];
  if (userAccess.isKnown) {
    const what = `access of accounts to ${title}`;
    const read = await unread.read(what, async () => (await client.listRepositoryUsers(namespace, name)) ?? 'none');
    if (read === 'none') userAccess.isKnown = false;
    else access = read ?? [];
  }
  const rights = access.flatMap(({ account, level }) => {
    const what = `access of account ${printableLine(account)} to ${title}`;
    if (!users.has(account)) unread.add(what, 'there is no such account');
    else if (!isLevel(level)) unread.addLevel(what, level);
    else return [{ account, access: level }];
    return [];
  });
  return { namespace, name, settings, teams: [], ...(rights.length > 0 && { users: rights }) };
}

/** Returns the settings in the order of the document, without those that the registry does not know. */
function settingsOf(repository: RepositorySettings): AccessRepository['settings'] {
  const { visibility, immutableTags, scanOnPush, shortDescription, longDescription } = repository;
  return {
    ...(visibility !== undefined && { visibility }),
    ...(immutableTags !== undefined && { immutableTags }),
    ...(scanOnPush !== undefined && { scanOnPush }),
    ...(shortDescription !== undefined && { shortDescription }),
    ...(longDescription !== undefined && { longDescription }),
  };
}
