/** Challenge of a WWW-Authenticate header; scheme and parameter names in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))/y;

/**
 * Parses WWW-Authenticate (RFC 9110, 11.6.1, with the grammar of RFC 7235): several challenges in one or more headers,
 * quoted strings with escapes and commas. Invalid text ends the list of that header; challenges before it are kept.
 */
export function parseChallenges(header: string | readonly string[] | undefined): readonly Challenge[] {
  if (header === undefined) return [];
  return (typeof header === 'string' ? [header] : header).flatMap(parseHeader);
}

function parseHeader(text: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let position = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const found = pattern.exec(text);
    if (found !== null) position = pattern.lastIndex;
    return found;
  };
  const skip = (): unknown => match(/[\s,]*/y);
  for (skip(); position < text.length; skip()) {
    const name = match(TOKEN)?.[0];
    if (name === undefined) break;
    const current = challenges.at(-1);
    // A name followed by `=` is a parameter of the current challenge; any other starts a new challenge.
    if (current !== undefined && match(/\s*=\s*/y) !== null) {
      const value = match(QUOTED)?.[1]?.replace(/\\(.)/g, '$1') ?? match(TOKEN)?.[0];
      if (value === undefined) break;
      if (!current.parameters.has(name.toLowerCase())) current.parameters.set(name.toLowerCase(), value);
      continue;
    }
    challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
    // Skips token68 values, as in `Negotiate abc==`.
    const start = position;
    if (match(/ +/y) !== null && match(TOKEN68) === null) position = start;
  }
  return challenges;
}
