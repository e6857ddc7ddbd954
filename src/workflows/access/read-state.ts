import { AirgapError } from '../../base/errors.ts';
import { quoted } from '../../base/printable.ts';
import type { AccessDocument } from '../../inventory/access.ts';
import type { MirantisClient } from '../../mirantis/api.ts';
import type { AccessState } from './changes.ts';
import { type AccessReader, accountOf, readOrganizations } from './read-organizations.ts';
import { readRepositories } from './read-repositories.ts';
import { UnreadItems } from './unread.ts';

/** Reads that have to succeed: what is not known cannot be compared, and a right could be lowered unseen. */
class RequiredReads extends UnreadItems {
  override read<T>(_: string, work: () => Promise<T>): Promise<T> {
    return work();
  }

  override addLevel(what: string, level: string): never {
    throw new AirgapError('unsupported', `the destination has the access level ${quoted(level)}, which is not known`, {
      subject: what,
      hint: 'nothing was changed: it cannot be said whether another level would be lower; set it to a known one there',
    });
  }
}

/**
 * Reads all accounts of a registry, and of what a document names: organizations with their members and teams, repositories
 * with their settings and rights.
 * @param concurrency requests at the same time
 * @throws AirgapError of the client
 */
export async function readState(
  client: MirantisClient,
  { organizations, repositories }: Pick<AccessDocument, 'organizations' | 'repositories'>,
  concurrency: number,
): Promise<AccessState> {
  const all = await client.listAccounts();
  const users = new Map(all.filter(({ isOrg }) => !isOrg).map((account) => [account.name, account]));
  const accounts = [...users.values()].map(accountOf);
  const reader: AccessReader = { client, unread: new RequiredReads(), concurrency, users };
  const named = new Set(organizations.map(({ name }) => name));
  const [own = [], others = []] = [true, false].map((isNamed) =>
    all.filter(({ isOrg, name }) => isOrg && named.has(name) === isNamed),
  );
  const read = await readOrganizations(reader, own, () => {});
  const wanted = new Set(repositories.map(({ namespace, name }) => `${namespace}/${name}`));
  const existing = (await client.listRepositories()).filter(({ namespace, name }) =>
    wanted.has(`${namespace}/${name}`),
  );
  return {
    accounts,
    organizations: [
      ...read.map(({ organization }) => organization),
      ...others.map(({ name }) => ({ name, members: [], teams: [] })),
    ],
    repositories: [...(await readRepositories(reader, existing, read, () => {}))],
  };
}
