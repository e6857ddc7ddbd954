import type { Credential, Keychain } from '../../auth/keychain.ts';
import { describeLogin } from '../../auth/refusal.ts';
import { AirgapError } from '../../base/errors.ts';
import { issueEcrLogin } from '../../ecr/keychain.ts';
import type { EcrOptions } from '../../ecr/options.ts';

/** User name and password that the user gave. */
export interface GivenLogin {
  readonly username: string;
  readonly password: string;
}

/** A login with a password, and its expiry in milliseconds since 1970 if that is known. */
export interface FoundLogin {
  readonly credential: Extract<Credential, { readonly kind: 'basic' }>;
  readonly expiresAt: number | undefined;
}

/** Where to look for a login: in this order. */
export interface LoginSources {
  readonly given: GivenLogin | undefined;
  /** Access to AWS, for the token of a registry in ECR. */
  readonly ecr: EcrOptions;
  /** Other logins that the user has; undefined if they are not wanted. */
  readonly keychain: Keychain | undefined;
}

/**
 * Finds the login for a registry: the given one, a token of ECR, or the one that a push would use.
 * @throws AirgapError `unauthorized` if there is none with a password; those of AWS and of credentials files
 */
export async function findLogin(registry: string, { given, ecr, keychain }: LoginSources): Promise<FoundLogin> {
  if (given !== undefined) {
    const remedy = 'check the user name and the password';
    return { credential: { kind: 'basic', ...given, remedy }, expiresAt: undefined };
  }
  const issued = await issueEcrLogin(registry, ecr);
  const credential = issued?.credential ?? (await keychain?.lookup(registry));
  if (credential?.kind === 'basic') {
    // Emulators of ECR issue expired tokens, or say nothing.
    return { credential, expiresAt: issued?.expiresAt || undefined };
  }
  const hint = 'give a user and a password: --username NAME --password-stdin';
  if (credential === undefined) {
    throw new AirgapError('unauthorized', `there are no credentials for ${registry}`, { hint });
  }
  const reason = `${describeLogin(registry, credential)} is a token, not a user with a password`;
  throw new AirgapError('unauthorized', reason, { hint });
}
