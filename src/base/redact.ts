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

/** What secrets stand behind (the first group, which stays), and what they look like. */
const SHAPES: readonly RegExp[] = [
  // To the last @ of the authority: a password may hold one. What stands before a digest is a name, not a user. Without
  // the scheme: a long word would be tried as one from each of its letters.
  /(:\/\/)[^/\s'"]+(?=@(?!sha(?:256|512):))/gi,
  // `authorization: authorization failed` is what containerd says of a login that lacks.
  /\b((?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:(?:basic|bearer)\s+)?)(?!authorization failed\b)[^\s"',]+/gi,
  // Without the header's name: only what has a digit or a capital inside, or "Basic authentication" would be one.
  /\b((?:[Bb]asic|[Bb]earer)\s+)(?=[A-Za-z0-9+/._~-]+[A-Z0-9])[A-Za-z0-9+/=._~-]{6,}/g,
  /([?&](?:[a-z_-]*(?:token|secret|password|signature|credential)|sig|key|verify)=)[^&\s'"]+/gi,
  /\b((?:aws_?)?(?:secret_?access_?key|session_?token|password|passwd)["']?\s*[:=]\s*["']?)[^\s"',}]+/gi,
];

/**
 * The text without its secrets. All are looked for before one is taken out: a registered one that is an ordinary word (a
 * registry chooses its tokens) would else take away the name that another stands behind.
 */
export function redact(text: string): string {
  const spans = [...secretSpans(text), ...shapeSpans(text)].sort(([a], [b]) => a - b);
  let clean = '';
  let at = 0;
  let end = -1;
  for (const [from, to] of spans) {
    // One that begins where the last one ends, or within it, is taken out with it.
    if (from > end) clean += `${text.slice(at, from)}***`;
    end = Math.max(end, to);
    at = end;
  }
  return clean + text.slice(at);
}

type Span = readonly [from: number, to: number];

function* secretSpans(text: string): Generator<Span> {
  for (const secret of secrets) {
    for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + 1)) yield [at, at + secret.length];
  }
}

function* shapeSpans(text: string): Generator<Span> {
  for (const shape of SHAPES) {
    for (const { 0: whole, 1: before = '', index } of text.matchAll(shape)) {
      yield [index + before.length, index + whole.length];
    }
  }
}
