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

/**
 * An error as people read it: the sentence, then what to do. Several of one batch are grouped by their hint, and what
 * stopped several of them is said once.
 */
export function formatFailure(error: AirgapError): string {
  if (error.causes.length === 0) {
    const hint = hintOf(error);
    return `Error: ${error.message}${hint ? `\nHint: ${hint}` : ''}`;
  }
  const groups = Map.groupBy(leaves(error), hintOf);
  const lines = [`Error: ${error.message}:`];
  for (const [hint, causes] of groups) {
    lines.push(...said(causes.map(messageOf)));
    if (hint) lines.push(`    Hint: ${hint}`);
  }
  return lines.join('\n');
}

/** `SUBJECT: CAUSE` each, with who wants the subject behind it; a line each, or one for the cause and one for each subject. */
function said(messages: readonly string[]): string[] {
  const byCause = Map.groupBy(messages, (message) => parted(message)?.cause ?? message);
  return [...byCause].flatMap(([cause, same]) => {
    if (same.length === 1) return same.map((message) => `  - ${message.replaceAll('\n', '\n    ')}`);
    const subjects = new Set(same.map((message) => parted(message)?.subject ?? message));
    return [`  - ${cause}:`, ...[...subjects].map((subject) => `    ${subject}`)];
  });
}

function parted(message: string): { subject: string; cause: string } | undefined {
  const at = message.indexOf(': ');
  if (at < 0 || message.includes('\n')) return undefined;
  const wanted = message.lastIndexOf(', wanted by ');
  const end = wanted > at ? wanted : message.length;
  const cause = message.slice(at + 2, end);
  // A single word is what a sentence ends with, as a digest, and no cause.
  return cause.includes(' ') ? { subject: message.slice(0, at) + message.slice(end), cause } : undefined;
}

function hintOf({ hint, code }: AirgapError): string | undefined {
  return hint ?? USUAL[code];
}

function leaves(error: AirgapError): AirgapError[] {
  return error.causes.length === 0 ? [error] : error.causes.flatMap(leaves);
}
