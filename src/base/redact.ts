/**
 * Takes secrets out of text before it is shown, logged or stored in an error.
 *
 * Known shapes: user info in URLs, `Authorization` values, token-like query parameters, AWS secret keys and session
 * tokens behind their names. Anything else that is secret has to be registered with {@link keepSecret}.
 */
const secrets = new Set<string>();

/** Registers a literal secret (password, token). Shorter than six characters are left alone: they would blank ordinary text. */
export function keepSecret(secret: string): void {
  if (secret.length >= 6) secrets.add(secret);
}

const SHAPES: readonly [RegExp, string][] = [
  [/([a-z][a-z0-9+.-]*:\/\/)[^/\s@'"]+@/gi, '$1***@'],
  [/\b(Basic|Bearer)\s+[A-Za-z0-9+/=._~-]{6,}/g, '$1 ***'],
  [
    /([?&](?:token|access_token|sig|signature|password|secret|key|x-amz-(?:signature|credential|security-token))=)[^&\s'"]+/gi,
    '$1***',
  ],
  [/\b((?:aws_)?(?:secret_access_key|session_token|password|passwd)["']?\s*[:=]\s*["']?)[^\s"',}]+/gi, '$1***'],
];

/** The text without its secrets. */
export function redact(text: string): string {
  let clean = text;
  for (const secret of secrets) clean = clean.replaceAll(secret, '***');
  for (const [shape, replacement] of SHAPES) clean = clean.replace(shape, replacement);
  return clean;
}
