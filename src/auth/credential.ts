/** What proves who we are to one registry. */
export type Credential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token, good for the token endpoint only (`identitytoken` in Docker's file). */
  | { readonly kind: 'identity-token'; readonly token: string }
  /** A bearer token that the registry takes as it is (`registrytoken` in Docker's file). */
  | { readonly kind: 'registry-token'; readonly token: string };

/** The value of an Authorization header for user name and password (RFC 7617). */
export function basicAuthorization(credential: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
}
