import type { Credential } from '../auth/credential.ts';

/** Credential and its expiry by ECR, in milliseconds since 1970. */
export interface IssuedCredential {
  readonly credential: Credential;
  readonly expiresAt: number;
}

/** Milliseconds before expiry at which a token is renewed: it must outlive the upload of a large layer. */
const RENEW_EARLY = 30 * 60_000;
/** Minimum milliseconds to use a token: emulators of ECR issue expired tokens. */
const MIN_LIFETIME = 60_000;

/** Cache of tokens by key, with one fetch at a time per key. Failures are not cached. */
export class TokenCache {
  readonly #entries = new Map<string, { readonly issued: Promise<IssuedCredential>; renewAt: number }>();

  async get(key: string, now: number, fetch: () => Promise<IssuedCredential>): Promise<Credential> {
    const known = this.#entries.get(key);
    if (known !== undefined && now < known.renewAt) return (await known.issued).credential;
    const issued = fetch();
    const entry = { issued, renewAt: Number.POSITIVE_INFINITY };
    this.#entries.set(key, entry);
    try {
      const { credential, expiresAt } = await issued;
      entry.renewAt = Math.max(expiresAt - RENEW_EARLY, now + MIN_LIFETIME);
      return credential;
    } catch (error) {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      throw error;
    }
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }
}

/** Decodes an authorization token of ECR: base64 of `AWS:password`. */
export function decodeToken(token: string): { readonly username: string; readonly password: string } {
  const decoded = Buffer.from(token, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  return { username: decoded.slice(0, Math.max(0, colon)), password: decoded.slice(colon + 1) };
}
