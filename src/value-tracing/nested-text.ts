import { scalarAt } from '../base/field-path.ts';
import { readYamlValues } from '../base/yaml-read.ts';

/**
 * Follows the steps inside the text of a field (`base64 > yaml:sidecar.image`, see Location.within) as far as they are
 * structural. Lines and words are not fixed positions, so the text that contains them is returned. Undefined if the
 * text does not have that structure.
 */
export function nestedText(text: string, within: string): string | undefined {
  let current: string | undefined = text;
  for (const step of within.split(' > ')) {
    if (current === undefined) return undefined;
    const [, position, path] = /^(?:yaml|json)(?:\[(\d+)\])?:(.*)$/s.exec(step) ?? [];
    if (step === 'base64') current = Buffer.from(current, 'base64').toString('utf8');
    else if (path === undefined) return current;
    else current = scalarAt(readYamlValues(current)?.[Number(position ?? 0)], path);
  }
  return current;
}
