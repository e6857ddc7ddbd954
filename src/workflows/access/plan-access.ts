import {
  type AccessChange,
  type AccessState,
  CHANGE_KINDS,
  type LeftOut,
  PlanCollector,
  type PlanOptions,
} from './changes.ts';
import { applicableOrganizations, planAccounts, planOrganization } from './plan-accounts.ts';
import { planRepository } from './plan-repositories.ts';

/** Changes that give a destination what a document says. */
export interface AccessPlan {
  /** In the order in which they can be made. */
  readonly changes: readonly AccessChange[];
  /** Parts of the document that are not applied, with the reason. */
  readonly leftOut: readonly LeftOut[];
  /** Number of things that the destination has beyond the document, and that stay, by what they are. */
  readonly beyond: Readonly<Record<string, number>>;
}

/**
 * Compares a document with a destination. Nothing is removed: what the destination has beyond the document stays and is
 * counted. No administrator loses that flag.
 * @param state of the destination: all accounts and the names of all organizations, and all about what the document names
 */
export function planAccess(document: AccessState, state: AccessState, options: PlanOptions): AccessPlan {
  const plan = new PlanCollector();
  planAccounts(document, state, options, plan);
  const organizations = applicableOrganizations(document, state, plan);
  const existing = new Map(state.organizations.map((each) => [each.name, each]));
  for (const organization of organizations) planOrganization(organization, existing.get(organization.name), plan);
  const left = new Set(document.organizations.filter((each) => !organizations.includes(each)).map(({ name }) => name));
  for (const name of plan.clashing) left.add(name);
  const repositories = new Map(state.repositories.map((each) => [`${each.namespace}/${each.name}`, each]));
  for (const repository of document.repositories) {
    const name = `${repository.namespace}/${repository.name}`;
    if (!left.has(repository.namespace)) planRepository(repository, repositories.get(name), options, plan);
    else plan.omit('repository', name, 'its namespace is left out');
  }
  const changes = CHANGE_KINDS.flatMap((kind) => plan.changes.filter((change) => change.kind === kind));
  return { changes, leftOut: plan.leftOut, beyond: Object.fromEntries(plan.beyond) };
}
