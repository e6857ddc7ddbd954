/**
 * Secrets registered with {@link registerSecret}. {@link redact} also removes known shapes: user info in URLs, `Authorization`
 * values, token-like query parameters, and AWS secret keys, session tokens and passwords after their names.
 */
const secrets = new Set<string>();

/** Registers a literal secret (password, token), unless it is shorter than six characters: that would blank ordinary text. */
export function registerSecret(secret: string): void {
  if (secret.length >= 6) secrets.add(secret);
}

/** Patterns of secrets. The first group, such as the parameter's name, is kept. */
const SHAPES: readonly RegExp[] = [
  // Up to the last @ of the authority: passwords may contain one. The text before a digest is a repository, not user info.
  // The scheme is not matched, because a match would be tried from each letter of a long word.
  /(:\/\/)[^/\s'"]+(?=@(?!sha(?:256|512):))/gi,
  // containerd prints `authorization: authorization failed` if credentials are missing.
  /\b((?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:(?:basic|bearer)\s+)?)(?!authorization failed\b)[^\s"',]+/gi,
  // Without the header's name a digit or capital is required, or "Basic authentication" would match.
  /\b((?:[Bb]asic|[Bb]earer)\s+)(?=[A-Za-z0-9+/._~-]+[A-Z0-9])[A-Za-z0-9+/=._~-]{6,}/g,
  /([?&](?:[a-z_-]*(?:token|secret|password|signature|credential)|sig|key|verify)=)[^&\s'"]+/gi,
  /\b((?:aws_?)?(?:secret_?access_?key|session_?token|password|passwd)["']?\s*[:=]\s*["']?)[^\s"',}]+/gi,
];

/**
 * Replaces the secrets in a text by `***`. All are located before any is replaced: a registered secret that is an ordinary
 * word (registries choose their tokens) could otherwise remove the name that marks another secret.
 */
export function redact(text: string): string {
  const spans = [...secretSpans(text), ...shapeSpans(text)].sort(([a], [b]) => a - b);
  let clean = '';
  let position = 0;
  let end = -1;
  for (const [from, to] of spans) {
    // Overlapping and adjacent spans become one replacement.
    if (from > end) clean += `${text.slice(position, from)}***`;
    end = Math.max(end, to);
    position = end;
  }
  return clean + text.slice(position);
}

type Span = readonly [from: number, to: number];

function* secretSpans(text: string): Generator<Span> {
  for (const secret of secrets) {
    for (let index = text.indexOf(secret); index >= 0; index = text.indexOf(secret, index + 1))
      yield [index, index + secret.length];
  }
}

function* shapeSpans(text: string): Generator<Span> {
  for (const shape of SHAPES) {
    for (const { 0: whole, 1: before = '', index } of text.matchAll(shape)) {
      yield [index + before.length, index + whole.length];
    }
  }
}
