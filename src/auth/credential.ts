/** Origin of a credential, for messages. */
interface CredentialOrigin {
  /** End of the phrase "the login for HOST …", as in `stored in ~/.docker/config.json`. */
  readonly source?: string;
  /** Advice for when the registry rejects it. Default: to log in again. */
  readonly remedy?: string;
}

/** Credential for one registry. */
export type Credential = CredentialOrigin &
  (
    | { readonly kind: 'basic'; readonly username: string; readonly password: string }
    /**
     * OAuth2 refresh token, valid for the token endpoint only (`identitytoken` in Docker's file). The user name is for
     * token endpoints without OAuth2, which accept the token as that user's password.
     */
    | { readonly kind: 'identity-token'; readonly token: string; readonly username?: string }
    /** Bearer token to send as is (`registrytoken` in Docker's file). */
    | { readonly kind: 'registry-token'; readonly token: string }
  );

/** Returns the Authorization header for user name and password (RFC 7617). */
export function basicAuthorization(credential: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
}
