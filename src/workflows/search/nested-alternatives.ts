import { at, isMapping, type NestedChart, overlay, parseValues } from '../../discovery/nested/index.ts';
import { chartFiles } from '../../helm/chart-files.ts';
import type { Chart } from '../../helm/fetch.ts';

const ALTERNATIVES = /^values(?!.*schema).+\.ya?ml$/;

/** The same nested chart with other values. */
export interface Alternative {
  /** For people: where the values come from. */
  readonly title: string;
  readonly nested: NestedChart;
}

/**
 * Other values under which a nested chart may be installed: its own defaults, and those of alternative values files that
 * the parent ships (`valuesEks.yaml`, `values-prod.yaml`), each different set once.
 *
 * Of such a file only what it says in the entry that declares the chart counts, on top of what the values in force say
 * there. It does not switch further charts on, and does not change the version: whoever installs with that file renders
 * with it (`-f`), and gets all of that. A file with variables for another program (`${NAME}`) in the entry is a template
 * of values and no set of them.
 */
export async function alternativesOf(nested: NestedChart, parent: Chart): Promise<Alternative[]> {
  const { valuesFiles: _files, set: _set, setString: _strings, ...plain } = nested;
  const alternatives = [{ title: 'chart defaults', nested: { ...plain, values: {} } }];
  const keys = nested.via.values;
  if (keys !== undefined) {
    for (const [file, text] of [...(await chartFiles(parent.archive, ALTERNATIVES))].sort()) {
      const values = parseValues(text) ?? {};
      const entry = at(values, keys);
      const given = isMapping(entry) ? entry.values : undefined;
      if (!isMapping(given) || JSON.stringify(given).includes('${')) continue;
      alternatives.push({ title: file, nested: { ...nested, values: overlay(nested.values, given) } });
    }
  }
  const seen = new Set([identityOf(nested)]);
  return alternatives.filter((alternative) => {
    const identity = identityOf(alternative.nested);
    if (seen.has(identity)) return false;
    seen.add(identity);
    return true;
  });
}

function identityOf({ values, valuesFiles = [], set = [], setString = [] }: NestedChart): string {
  return JSON.stringify([values, valuesFiles, set, setString]);
}
