import type { AccessDocument } from '../../inventory/access.ts';
import type { MirantisClient } from '../../mirantis/api.ts';

/** Kinds of changes, in the order in which they are made: each needs only those before it. */
export const CHANGE_KINDS = [
  'account',
  'organization',
  'member',
  'team',
  'team member',
  'repository',
  'namespace access',
  'team access',
  'account access',
] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** Requests of the API that write. */
export type AccessWriter = Pick<
  MirantisClient,
  | 'createAccount'
  | 'updateAccount'
  | 'setMember'
  | 'createTeam'
  | 'updateTeam'
  | 'setTeamMember'
  | 'createRepository'
  | 'updateRepository'
  | 'setRepositoryTeam'
  | 'setRepositoryUser'
  | 'setNamespaceTeam'
>;

/** A field of what is created or changed. `from` is absent if it is new. */
export interface FieldChange {
  readonly field: string;
  readonly from?: string | boolean;
  readonly to: string | boolean;
  /** A right that becomes lower. */
  readonly isLower?: true;
}

/** One change at the destination, made by one request. */
export interface AccessChange {
  readonly kind: ChangeKind;
  readonly action: 'create' | 'change';
  /** Account, organization, `ORGANIZATION/TEAM` or `NAMESPACE/REPOSITORY`. */
  readonly name: string;
  /** Member of the organization or team; team or account that has access. */
  readonly of?: string;
  readonly fields: readonly FieldChange[];
  /** Keys ({@link changeKey}) of what has to exist. Those that are not created by another change exist already. */
  readonly needs: readonly string[];
  readonly write: (client: AccessWriter) => Promise<void>;
}

/** Returns the key by which other changes need an account, organization, team or repository. */
export function changeKey(kind: ChangeKind, name: string): string {
  return `${kind} ${name}`;
}

/** Something of the document that is not applied. */
export interface LeftOut {
  readonly kind: ChangeKind;
  readonly name: string;
  readonly of?: string;
  readonly reason: string;
}

/** What the destination has, in the form of the document. */
export type AccessState = Pick<AccessDocument, 'accounts' | 'organizations' | 'repositories'>;

/** What is applied only on demand. */
export interface PlanOptions {
  /** Creates administrators of the registry as such, and makes existing accounts administrators. */
  readonly includeAdmins: boolean;
  /** Makes repositories public that are public in the document. Otherwise they stay or become private. */
  readonly allowPublic: boolean;
  /** Has the registry take new accounts from its directory (LDAP), instead of giving them a password. */
  readonly searchLdap: boolean;
}

/** Collects changes, what is left out of the document, and what the destination has beyond it. */
export class PlanCollector {
  readonly changes: AccessChange[] = [];
  readonly leftOut: LeftOut[] = [];
  /** Number of things beyond the document by what they are, such as `team member` or `administrator flag`. */
  readonly beyond = new Map<string, number>();
  /** Accounts of the document whose names are organizations at the destination. They get no rights. */
  readonly clashing = new Set<string>();

  add(change: AccessChange): void {
    this.changes.push(change);
  }

  omit(kind: ChangeKind, name: string, reason: string, of?: string): void {
    this.leftOut.push({ kind, name, ...(of !== undefined && { of }), reason });
  }

  leave(what: string, number = 1): void {
    if (number > 0) this.beyond.set(what, (this.beyond.get(what) ?? 0) + number);
  }
}
