import { type AirgapError, type ErrorCode, messageOf } from '../../base/errors.ts';

/** Hints for errors without one of their own. */
const DEFAULT_HINTS: Partial<Record<ErrorCode, string>> = {
  file: 'check the path and its permissions',
  network: 'check the address and the network path (HTTPS_PROXY, NO_PROXY, firewalls), then run the same command again',
  registry: 'run the same command again; if the error persists, check the registry',
  unauthorized: 'log in first (helm registry login HOST, skopeo login HOST or docker login HOST)',
  forbidden: 'request the permission, or use other credentials',
  'image-not-found': 'check the name and tag; read it from a mirror with --mirror, or leave it out with --exclude',
  'digest-mismatch':
    'run the same command again; if the error persists, a mirror or proxy in between changes the content',
  'bundle-invalid': 'transfer the file again, and compare its size and checksum with the original',
};

/**
 * Formats an error with its hint. Errors of a batch are grouped by hint, and a cause that several share is printed once.
 */
export function formatFailure(error: AirgapError): string {
  if (error.causes.length === 0) {
    const hint = hintOf(error);
    return `Error: ${error.message}${hint ? `\nHint: ${hint}` : ''}`;
  }
  const groups = Map.groupBy(leafErrors(error), hintOf);
  const lines = [`Error: ${error.message}:`];
  for (const [hint, causes] of groups) {
    lines.push(...causeLines(causes.map(messageOf)));
    if (hint) lines.push(`    Hint: ${hint}`);
  }
  return lines.join('\n');
}

/** Formats messages of the form `SUBJECT: CAUSE[, wanted by …]`: one line each, or a shared cause followed by its subjects. */
function causeLines(messages: readonly string[]): string[] {
  const byCause = Map.groupBy(messages, (message) => splitMessage(message)?.cause ?? message);
  return [...byCause].flatMap(([cause, group]) => {
    if (group.length === 1) return group.map((message) => `  - ${message.replaceAll('\n', '\n    ')}`);
    const subjects = new Set(group.map((message) => splitMessage(message)?.subject ?? message));
    return [`  - ${cause}:`, ...[...subjects].map((subject) => `    ${subject}`)];
  });
}

function splitMessage(message: string): { subject: string; cause: string } | undefined {
  const index = message.indexOf(': ');
  if (index < 0 || message.includes('\n')) return undefined;
  const wantedBy = message.lastIndexOf(', wanted by ');
  const end = wantedBy > index ? wantedBy : message.length;
  const cause = message.slice(index + 2, end);
  // A single word, such as a digest, ends a sentence and is not a cause.
  return cause.includes(' ') ? { subject: message.slice(0, index) + message.slice(end), cause } : undefined;
}

function hintOf({ hint, code }: AirgapError): string | undefined {
  return hint ?? DEFAULT_HINTS[code];
}

function leafErrors(error: AirgapError): AirgapError[] {
  return error.causes.length === 0 ? [error] : error.causes.flatMap(leafErrors);
}
