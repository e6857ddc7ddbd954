import type { Keychain } from '../../auth/keychain.ts';
import { describeLogin, loginHint } from '../../auth/refusal.ts';
import { AirgapError } from '../../base/errors.ts';
import type { DoctorFinding } from '../../inventory/doctor-result.ts';
import type { Repository } from '../../oci/reference.ts';
import { checkLogin } from '../../registry/check-login.ts';
import type { Session } from '../../registry/session.ts';
import { bad, good } from './finding.ts';

/** Result of the login, and whether further requests make sense. */
export interface CheckedLogin {
  readonly finding: DoctorFinding;
  readonly isAccepted: boolean;
}

/**
 * Looks a login up where a push does, and tries it at `/v2/`. A registry that asks for no login gets none.
 * @param repository registry and prefix
 * @throws AirgapError `config` for a login that cannot be read; `interrupted`
 */
export async function checkStoredLogin(
  session: Session,
  keychain: Keychain,
  repository: Repository,
  signal: AbortSignal,
): Promise<CheckedLogin> {
  const { registry, path } = repository;
  const name = registry;
  const credential = await keychain.lookup(registry, path);
  try {
    const result = await checkLogin(session, repository, { signal, retry: false });
    if (result === 'not-asked') {
      const also = credential === undefined ? '' : `; ${describeLogin(registry, credential)} was not needed`;
      return { finding: good('login', `the registry asks for no login${also}`, { name }), isAccepted: true };
    }
    if (credential !== undefined) {
      const message = `${describeLogin(registry, credential)} was accepted`;
      return { finding: good('login', message, { name }), isAccepted: true };
    }
    const message = 'there is no login, and anonymous access allows reading at most';
    const hint = loginHint(registry, keychain.sources?.(registry) ?? [], false);
    return { finding: bad('login', message, { name, hint }), isAccepted: true };
  } catch (error) {
    if (!(error instanceof AirgapError) || error.code === 'interrupted') throw error;
    const hint = error.hint ?? 'check host and port; a proxy or another service may answer in place of the registry';
    return { finding: bad('login', error.reason, { name, hint }), isAccepted: false };
  }
}
