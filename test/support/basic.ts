/** Returns the `Authorization` of an account, `USER:PASSWORD`, by HTTP's Basic scheme (RFC 7617). */
export function basicOf(account: string): string {
  return `Basic ${Buffer.from(account).toString('base64')}`;
}
