import { type AirgapError, messageOf } from '../base/errors.ts';

/** An error as people read it: the sentence, then what to do. Several of one batch are grouped by their hint. */
export function formatFailure(error: AirgapError): string {
  if (error.causes.length === 0) return `Error: ${error.message}${error.hint ? `\nHint: ${error.hint}` : ''}`;
  const groups = Map.groupBy(leaves(error), ({ hint }) => hint);
  const lines = [`Error: ${error.message}:`];
  for (const [hint, causes] of groups) {
    for (const cause of causes) lines.push(`  - ${messageOf(cause).replaceAll('\n', '\n    ')}`);
    if (hint) lines.push(`    Hint: ${hint}`);
  }
  return lines.join('\n');
}

function leaves(error: AirgapError): AirgapError[] {
  return error.causes.length === 0 ? [error] : error.causes.flatMap(leaves);
}
