import { yamlDocuments } from '../base/yaml-reading.ts';
import { scalarAt } from './scalar.ts';

/**
 * Follows the steps of a place inside a field's text (`base64 > yaml:sidecar.image`, see Place.within) as far as they
 * are structure; lines and words are no fixed positions, so there the text around them is the answer.
 * Undefined when the text has not that structure.
 */
export function innerText(text: string, within: string): string | undefined {
  let current: string | undefined = text;
  for (const step of within.split(' > ')) {
    if (current === undefined) return undefined;
    const [, position, path] = /^(?:yaml|json)(?:\[(\d+)\])?:(.*)$/s.exec(step) ?? [];
    if (step === 'base64') current = Buffer.from(current, 'base64').toString('utf8');
    else if (path === undefined) return current;
    else current = scalarAt(tree(current, Number(position ?? 0)), path);
  }
  return current;
}

function tree(text: string, position: number): unknown {
  const documents = yamlDocuments(text, { uniqueKeys: false, logLevel: 'silent' });
  try {
    return documents[position]?.toJS({ maxAliasCount: 1000 });
  } catch {
    return undefined;
  }
}
