import type { Credential } from '../auth/credential.ts';

/** A credential and when ECR says that it ends, milliseconds since 1970. */
export interface Issued {
  readonly credential: Credential;
  readonly expiresAt: number;
}

/** Milliseconds before its end that a token is replaced: the upload of one large layer must not outlive it. */
const EARLY = 30 * 60_000;
/** Milliseconds that a token is used at least; emulators of ECR issue tokens that have expired long ago. */
const LEAST = 60_000;

/** Tokens by key, each fetched once at a time; a failed fetch is not remembered. */
export class TokenCache {
  readonly #entries = new Map<string, { readonly issued: Promise<Issued>; renewAt: number }>();

  async get(key: string, now: number, fetch: () => Promise<Issued>): Promise<Credential> {
    const known = this.#entries.get(key);
    if (known !== undefined && now < known.renewAt) return (await known.issued).credential;
    const issued = fetch();
    const entry = { issued, renewAt: Number.POSITIVE_INFINITY };
    this.#entries.set(key, entry);
    try {
      const { credential, expiresAt } = await issued;
      entry.renewAt = Math.max(expiresAt - EARLY, now + LEAST);
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

/** Reads an authorization token of ECR: base64 of `AWS:password`. */
export function decodeToken(token: string): { readonly username: string; readonly password: string } {
  const decoded = Buffer.from(token, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  return { username: decoded.slice(0, Math.max(0, colon)), password: decoded.slice(colon + 1) };
}
