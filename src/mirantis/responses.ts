import * as z from 'zod';
import type { Account, Member, Repository, Team, TeamAccess, UserAccess } from './api.ts';

/**
 * Schemas of the responses. Only the fields that are named here are read, so that nothing else of a response gets further.
 * Go writes an empty list as null, and leaves empty fields out.
 */

/** Maximum characters of a name, and of a short text. */
const NAME_LIMIT = 1000;
const TEXT_LIMIT = 4096;
/** Maximum characters of a description in Markdown. */
const PAGE_LIMIT = 1024 * 1024;

const name = z.string().max(NAME_LIMIT);
const text = z.string().max(TEXT_LIMIT).nullish();
const flag = z.boolean().nullish();

/** Returns fields that have a value. */
function present<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null && value !== ''),
  ) as { [K in keyof T]?: NonNullable<T[K]> };
}

export const accountSchema = z
  .object({ id: name.nullish(), name, fullName: text, isOrg: flag, isAdmin: flag, isActive: flag })
  .transform(
    ({ name: own, id, fullName, isOrg, isAdmin, isActive }): Account => ({
      ...present({ id, fullName }),
      name: own,
      isOrg: isOrg ?? false,
      isAdmin: isAdmin ?? false,
      isActive: isActive ?? true,
    }),
  );

export const memberSchema = z
  .object({ member: accountSchema, isAdmin: flag })
  .transform(({ member, isAdmin }): Member => ({ account: member, isAdmin: isAdmin ?? false }));

export const teamSchema = z
  .object({ id: name, name, description: text, membersCount: z.int().nonnegative().nullish() })
  .transform(
    ({ id, name: own, description, membersCount: memberCount }): Team => ({
      id,
      name: own,
      ...present({ description, memberCount }),
    }),
  );

export const syncSchema = z.object({ enableSync: flag }).transform(({ enableSync }) => enableSync ?? false);

export const repositorySchema = z
  .object({
    namespace: name,
    name,
    visibility: z.enum(['public', 'private']).nullish(),
    immutableTags: flag,
    scanOnPush: flag,
    shortDescription: text,
    longDescription: z.string().max(PAGE_LIMIT).nullish(),
  })
  .transform(({ namespace, name: own, ...rest }): Repository => ({ namespace, name: own, ...present(rest) }));

export const teamAccessSchema = z
  .object({ accessLevel: name, team: z.object({ id: name, name: name.nullish() }) })
  .transform(
    ({ accessLevel: level, team }): TeamAccess => ({ teamId: team.id, ...present({ teamName: team.name }), level }),
  );

export const userAccessSchema = z
  .object({ accessLevel: name, user: z.object({ name }) })
  .transform(({ accessLevel: level, user }): UserAccess => ({ account: user.name, level }));
