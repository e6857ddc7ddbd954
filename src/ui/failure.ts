import { type AirgapError, type ErrorCode, messageOf } from '../base/errors.ts';

/** What to do when whoever made the error knew nothing better. */
const USUAL: Partial<Record<ErrorCode, string>> = {
  file: 'check the path, and that it can be read or written',
  network: 'check the address and the way there (HTTPS_PROXY, NO_PROXY, firewalls), then run the same command again',
  registry: 'run the same command again; if it stays, the registry itself has to be looked at',
  unauthorized: 'log in first (helm registry login HOST, skopeo login HOST or docker login HOST)',
  forbidden: 'ask for the permission, or use other credentials',
  'image-not-found': 'check the name and tag; name another place for it with --mirror, or leave it out with --exclude',
  'digest-mismatch': 'run the same command again; if it stays, what is in between (a mirror, a proxy) changes content',
  'bundle-invalid': 'carry the file over again, and compare its size and checksum with the original',
};

/** An error as people read it: the sentence, then what to do. Several of one batch are grouped by their hint. */
export function formatFailure(error: AirgapError): string {
  if (error.causes.length === 0) {
    const hint = hintOf(error);
    return `Error: ${error.message}${hint ? `\nHint: ${hint}` : ''}`;
  }
  const groups = Map.groupBy(leaves(error), hintOf);
  const lines = [`Error: ${error.message}:`];
  for (const [hint, causes] of groups) {
    for (const cause of causes) lines.push(`  - ${messageOf(cause).replaceAll('\n', '\n    ')}`);
    if (hint) lines.push(`    Hint: ${hint}`);
  }
  return lines.join('\n');
}

function hintOf({ hint, code }: AirgapError): string | undefined {
  return hint ?? USUAL[code];
}

function leaves(error: AirgapError): AirgapError[] {
  return error.causes.length === 0 ? [error] : error.causes.flatMap(leaves);
}
