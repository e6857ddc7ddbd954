import { isMapping, type NestedChart, overlayValues, parseValues, valueAtKeys } from '../discovery/nested/index.ts';
import { readChartFiles } from '../helm/chart-files.ts';
import type { Chart } from '../helm/fetch.ts';

const ALTERNATIVES = /^values(?!.*schema).+\.ya?ml$/;

/** The same nested chart with other values. */
export interface Alternative {
  /** Source of the values, for messages. */
  readonly title: string;
  readonly nested: NestedChart;
}

/**
 * Returns other values with which a nested chart may be installed: its own defaults, and those of alternative values
 * files of the parent chart (`valuesEks.yaml`, `values-prod.yaml`), without duplicates.
 *
 * Only the entry that declares the chart is read from such a file, on top of the same entry in the current values. It
 * does not enable further charts and does not change the version: a user who installs with that file also renders with
 * it (`-f`), and then gets all of it. Files with variables of another program (`${NAME}`) in the entry are templates
 * and are skipped.
 */
export async function alternativesOf(nested: NestedChart, parent: Chart): Promise<Alternative[]> {
  const { valuesFiles: _files, set: _set, setString: _strings, ...plain } = nested;
  const alternatives = [{ title: 'chart defaults', nested: { ...plain, values: {} } }];
  const keys = nested.via.values;
  if (keys !== undefined) {
    for (const [file, text] of [...(await readChartFiles(parent.archive, ALTERNATIVES))].sort()) {
      const values = parseValues(text) ?? {};
      const entry = valueAtKeys(values, keys);
      const given = isMapping(entry) ? entry.values : undefined;
      if (!isMapping(given) || JSON.stringify(given).includes('${')) continue;
      alternatives.push({ title: file, nested: { ...nested, values: overlayValues(nested.values, given) } });
    }
  }
  const seen = new Set([installIdentity(nested)]);
  return alternatives.filter((alternative) => {
    const identity = installIdentity(alternative.nested);
    if (seen.has(identity)) return false;
    seen.add(identity);
    return true;
  });
}

function installIdentity({ values, valuesFiles = [], set = [], setString = [] }: NestedChart): string {
  return JSON.stringify([values, valuesFiles, set, setString]);
}
