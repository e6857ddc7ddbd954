import type { IncomingMessage } from 'node:http';
import { basicOf } from './basic.ts';
import type { Answer } from './fault-proxy.ts';

/** Authentication of a registry: requires a valid token, and issues tokens to some accounts. */
export interface TokenGate {
  /** The gate's own answer; undefined lets the request pass. */
  answer(incoming: IncomingMessage): Answer | undefined;
  /** Revokes all tokens. */
  revoke(): void;
}

/** Distribution's token authentication: a challenge that names `/token` on the same host; Basic there, Bearer elsewhere. */
export function tokenGate(...accounts: readonly string[]): TokenGate {
  const known = new Set<string | undefined>(accounts.map(basicOf));
  let generation = 1;
  const token = (): string => `token-of-age-${generation}`;
  return {
    answer({ url = '', headers: { authorization, host }, socket }) {
      if (new URL(url, 'http://localhost').pathname === '/token') {
        if (!known.has(authorization)) return json(401, { details: 'incorrect username or password' });
        return json(200, { token: token(), expires_in: 3600 });
      }
      if (authorization === `Bearer ${token()}`) return undefined;
      const scheme = 'encrypted' in socket ? 'https' : 'http';
      const challenge = `Bearer realm="${scheme}://${host}/token",service="test"`;
      const errors = [{ code: 'UNAUTHORIZED', message: 'authentication required' }];
      return json(401, { errors }, { 'www-authenticate': challenge });
    },
    revoke() {
      generation++;
    },
  };
}

function json(status: number, content: object, headers: Readonly<Record<string, string>> = {}): Answer {
  const body = Buffer.from(JSON.stringify(content));
  const length = String(body.length);
  return { status, headers: { 'content-type': 'application/json', 'content-length': length, ...headers }, body };
}
