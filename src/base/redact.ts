/**
 * Takes secrets out of text before it is shown, logged or stored in an error.
 *
 * Known shapes: user info in URLs, `Authorization` values, token-like query parameters, AWS secret keys, session tokens
 * and passwords behind their names. Anything else that is secret has to be registered with {@link keepSecret}.
 */
const secrets = new Set<string>();

/** Registers a literal secret (password, token). Shorter than six characters are left alone: they would blank ordinary text. */
export function keepSecret(secret: string): void {
  if (secret.length >= 6) secrets.add(secret);
}

const SHAPES: readonly [RegExp, string][] = [
  // To the last @ of the authority: a password may hold one. What stands before a digest is a name, not a user. Without
  // the scheme: a long word would be tried as one from each of its letters.
  [/(:\/\/)[^/\s'"]+@(?!sha(?:256|512):)/gi, '$1***@'],
  // `authorization: authorization failed` is what containerd says of a login that lacks.
  [
    /\b((?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:(?:basic|bearer)\s+)?)(?!authorization failed\b)[^\s"',]+/gi,
    '$1***',
  ],
  // Without the header's name: only what has a digit or a capital inside, or "Basic authentication" would be one.
  [/\b([Bb]asic|[Bb]earer)\s+(?=[A-Za-z0-9+/._~-]+[A-Z0-9])[A-Za-z0-9+/=._~-]{6,}/g, '$1 ***'],
  [/([?&](?:[a-z_-]*(?:token|secret|password|signature|credential)|sig|key|verify)=)[^&\s'"]+/gi, '$1***'],
  [/\b((?:aws_?)?(?:secret_?access_?key|session_?token|password|passwd)["']?\s*[:=]\s*["']?)[^\s"',}]+/gi, '$1***'],
];

/** The text without its secrets. */
export function redact(text: string): string {
  let clean = text;
  for (const secret of secrets) clean = clean.replaceAll(secret, '***');
  for (const [shape, replacement] of SHAPES) clean = clean.replace(shape, replacement);
  return clean;
}
