/** Where a credential comes from, for messages. */
export interface Origin {
  /** End of the phrase "the login for HOST …", as in `stored in ~/.docker/config.json`. */
  readonly source?: string;
  /** What to do when the registry refuses it; to log in again when absent. */
  readonly remedy?: string;
}

/** What proves who we are to one registry. */
export type Credential = Origin &
  (
    | { readonly kind: 'basic'; readonly username: string; readonly password: string }
    /**
     * An OAuth2 refresh token, good for the token endpoint only (`identitytoken` in Docker's file). The user name beside
     * it is for token endpoints without OAuth2, which take the token as that user's password.
     */
    | { readonly kind: 'identity-token'; readonly token: string; readonly username?: string }
    /** A bearer token that the registry takes as it is (`registrytoken` in Docker's file). */
    | { readonly kind: 'registry-token'; readonly token: string }
  );

/** The value of an Authorization header for user name and password (RFC 7617). */
export function basicAuthorization(credential: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
}
