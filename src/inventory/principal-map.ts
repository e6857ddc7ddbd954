import * as z from 'zod';
import { quoted } from '../base/printable.ts';
import type { AccessDocument } from './access.ts';

/**
 * Map that an operator writes: which IAM principals stand for the teams, accounts and organizations of an access
 * document, for `access apply` to Amazon ECR.
 */

const VERSION = 'airgap/v1';
const KIND = 'PrincipalMap';

/** Maximum entries of one list. A policy of ECR has room for about a hundred principals. */
const MAX_ENTRIES = 1000;

/**
 * ARN of a principal that a resource-based policy can name (IAM User Guide, "AWS JSON policy elements: Principal"): an
 * account, a user, a role or a session of a role.
 */
const PRINCIPAL =
  /^arn:(aws[a-z-]{0,20}):(?:iam::\d{12}:(?:root|(?:user|role)\/[\w+=,.@/-]{1,576})|sts::\d{12}:assumed-role\/[\w+=,.@-]{1,64}\/[\w+=,.@-]{2,64})$/;

/** Returns why a text cannot be a principal in policies of a partition; undefined if it can. */
function principalProblem(text: string, partition: string): string | undefined {
  const shown = quoted(text);
  if (text.includes('*')) return `${shown} has "*": it would stand for more than one principal`;
  if (/^arn:aws[a-z-]{0,20}:iam::\d{12}:group\//.test(text))
    return `${shown} is a group, and policies cannot name groups`;
  const own = PRINCIPAL.exec(text)?.[1];
  if (own === undefined || text.includes('//') || text.endsWith('/')) {
    return `${shown} is not the ARN of an account (…:root), user, role or role session`;
  }
  return own === partition ? undefined : `${shown} is of partition ${own}, and the registry of ${partition}`;
}

/** Names of a team in messages and in the map. A team may have slashes in its name, an organization may not. */
export function teamKey(organization: string, team: string): string {
  return `${organization}/${team}`;
}

/** Content of the map. Keys of `teams` are `ORGANIZATION/TEAM`. */
export interface PrincipalMap {
  readonly teams: ReadonlyMap<string, readonly string[]>;
  readonly accounts: ReadonlyMap<string, readonly string[]>;
  /** Principals that stand for the administrators of an organization. */
  readonly organizations: ReadonlyMap<string, readonly string[]>;
}

/**
 * Returns the schema of a map's YAML. Names that the document does not have and ARNs of other partitions are problems of the
 * file, each with its own line.
 * @param partition of the registry, such as `aws`
 */
export function principalMapSchema(document: AccessDocument, partition: string) {
  const principals = z
    .array(
      z.string().superRefine((text, context) => {
        const problem = principalProblem(text, partition);
        if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
      }),
    )
    .max(MAX_ENTRIES);
  const section = (known: ReadonlySet<string>, problem: string) =>
    z
      .record(z.string(), principals)
      .default({})
      .superRefine((entries, context) => {
        for (const name of Object.keys(entries)) {
          if (!known.has(name)) context.addIssue({ code: 'custom', path: [name], message: problem });
        }
      })
      .transform((entries): ReadonlyMap<string, readonly string[]> => new Map(Object.entries(entries)));
  const { accounts, organizations } = document;
  const teams = organizations.flatMap(({ name, teams: own }) => own.map((team) => teamKey(name, team.name)));
  return z.strictObject({
    apiVersion: z.literal(VERSION),
    kind: z.literal(KIND),
    teams: section(new Set(teams), 'is no ORGANIZATION/TEAM of the access document'),
    accounts: section(new Set(accounts.map(({ name }) => name)), 'is no account of the access document'),
    organizations: section(new Set(organizations.map(({ name }) => name)), 'is no organization of the access document'),
  });
}
