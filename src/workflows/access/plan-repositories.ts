import type { AccessRepository } from '../../inventory/access.ts';
import { teamKey } from '../../inventory/principal-map.ts';
import { refusalOf } from '../../mirantis/refusals.ts';
import { type AccessWriter, changeKey, type FieldChange, type PlanCollector, type PlanOptions } from './changes.ts';
import { planRight } from './plan-accounts.ts';

type Settings = AccessRepository['settings'];

const SETTINGS = ['visibility', 'immutableTags', 'scanOnPush', 'shortDescription', 'longDescription'] as const;

/** Plans a repository, its settings and the rights to it. */
export function planRepository(
  repository: AccessRepository,
  found: AccessRepository | undefined,
  { allowPublic }: PlanOptions,
  plan: PlanCollector,
): void {
  const { namespace, name, teams, users = [] } = repository;
  const fullName = `${namespace}/${name}`;
  const wanted = repository.settings.visibility;
  const staysPrivate = wanted === 'public' && !allowPublic && found?.settings.visibility !== 'public';
  if (staysPrivate) {
    plan.omit('repository', fullName, 'it is public at the source, and stays private (--allow-public-repositories)');
  }
  // Versions of the registry differ in what a repository is by default.
  const isUnknown = wanted === undefined && found === undefined;
  const settings: Settings = {
    ...repository.settings,
    ...((staysPrivate || isUnknown) && { visibility: 'private' }),
  };
  const key = changeKey('repository', fullName);
  if (found === undefined) {
    plan.add({
      kind: 'repository',
      action: 'create',
      name: fullName,
      fields: SETTINGS.flatMap((field) => {
        const to = settings[field];
        return to === undefined || to === '' ? [] : [{ field, to }];
      }),
      needs: [changeKey('organization', namespace), changeKey('account', namespace)],
      write: (client) => createRepository(client, namespace, name, settings),
    });
  } else planSettings({ ...repository, settings }, found.settings, plan);

  const levels = new Map((found?.teams ?? []).map(({ team, access }) => [team, access]));
  for (const { team, access } of teams) {
    const needs = [key, changeKey('team', teamKey(namespace, team))];
    planRight({ kind: 'team access', name: fullName, of: team, needs }, access, levels.get(team), plan, (client) =>
      client.setRepositoryTeam(namespace, name, team, access),
    );
    levels.delete(team);
  }
  plan.leave('team access', levels.size);

  const own = new Map((found?.users ?? []).map(({ account, access }) => [account, access]));
  for (const { account, access } of users) {
    if (plan.clashing.has(account)) {
      plan.omit('account access', fullName, 'the account is left out', account);
      continue;
    }
    const needs = [key, changeKey('account', account)];
    planRight(
      { kind: 'account access', name: fullName, of: account, needs },
      access,
      own.get(account),
      plan,
      (client) => client.setRepositoryUser(namespace, name, account, access),
    );
    own.delete(account);
  }
  plan.leave('account access', own.size);
}

/** Creates a repository. One that exists by now, or that the login was not shown, gets the settings. */
async function createRepository(
  client: AccessWriter,
  namespace: string,
  name: string,
  settings: Settings,
): Promise<void> {
  try {
    await client.createRepository(namespace, { name, ...settings });
  } catch (error) {
    if (!refusalOf(error)?.codes.includes('REPOSITORY_EXISTS')) throw error;
    await client.updateRepository(namespace, name, settings);
  }
}

function planSettings({ namespace, name, settings }: AccessRepository, found: Settings, plan: PlanCollector): void {
  const fullName = `${namespace}/${name}`;
  const fields = SETTINGS.flatMap((field): FieldChange[] => {
    const to = settings[field];
    // A description that is absent is empty. Any other setting is then unknown to this version of the registry.
    const from = found[field] ?? (field.endsWith('Description') ? '' : undefined);
    if (to === undefined || to === from) return [];
    if (from !== undefined) return [{ field, from, to }];
    plan.omit('repository', fullName, `the destination has no setting ${field}`);
    return [];
  });
  if (fields.length === 0) return;
  const changes = Object.fromEntries(fields.map(({ field, to }) => [field, to])) as Settings;
  plan.add({
    kind: 'repository',
    action: 'change',
    name: fullName,
    fields,
    needs: [],
    write: (client) => client.updateRepository(namespace, name, changes),
  });
}
