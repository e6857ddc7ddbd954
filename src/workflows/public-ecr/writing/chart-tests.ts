import { readdir } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { readEditable } from '../../../base/editable-file.ts';
import type { ChartVersion } from './chart-versions.ts';
import type { ChosenPlace, NotWritten } from './choose-changes.ts';
import { changedParts } from './choose-changes.ts';
import {
  type ChangedExpectations,
  changeSnapshot,
  changeSuite,
  type ExpectedMoves,
  type MovesByTitle,
} from './expectations.ts';

/** Changed tests of a chart, and what has to be looked at. */
export interface ChangedTests {
  /** Old and new texts by absolute path. */
  readonly texts: ReadonlyMap<string, { readonly before: string; readonly after: string }>;
  readonly notWritten: readonly NotWritten[];
}

/**
 * Changes the expectations and snapshots of a chart's helm-unittest suites: `tests/*_test.yaml`, `tests/__snapshot__/*.snap`.
 * @param folder of the chart (absolute)
 */
export async function changeTests(folder: string, moves: ExpectedMoves): Promise<ChangedTests> {
  const files = await testFiles(join(folder, 'tests'));
  const texts = new Map<string, { before: string; after: string }>();
  const notWritten: NotWritten[] = [];
  const titles = new Map<string, MovesByTitle>();
  const change = async (file: string, changed: (text: string) => ChangedExpectations): Promise<void> => {
    const before = await readEditable(file);
    if (typeof before !== 'string') {
      notWritten.push({ kind: 'expectation', file, line: 0, reason: before.reason });
      return;
    }
    const { text, notWritten: refused } = changed(before);
    notWritten.push(...refused.map(({ line, reason }): NotWritten => ({ kind: 'expectation', file, line, reason })));
    if (text !== before) texts.set(file, { before, after: text });
  };
  for (const file of files.filter((path) => SUITE.test(path))) {
    await change(file, (text) => {
      const { byTitle, ...changed } = changeSuite(text, moves);
      titles.set(join(dirname(file), '__snapshot__', `${basename(file)}.snap`), byTitle);
      return changed;
    });
  }
  for (const file of files.filter((path) => path.endsWith('.snap')))
    await change(file, (text) => changeSnapshot(text, moves, titles.get(file) ?? new Map()));
  return { texts, notWritten };
}

const SUITE = /_test\.ya?ml$/;
/** Levels of folders below tests/. */
const DEPTH = 5;

async function testFiles(folder: string, depth = 0): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return depth < DEPTH ? testFiles(path, depth + 1) : [];
      const isSnapshot = basename(folder) === '__snapshot__' && entry.name.endsWith('.snap');
      return isSnapshot || SUITE.test(entry.name) ? [path] : [];
    }),
  );
  return found.flat().sort();
}

/**
 * Returns what the tests of a chart see of the changes: those of its default values and its subcharts'.
 * @param folder of the chart (absolute)
 * @param staying normalized references that charts still name
 */
export function movesOf(
  folder: string,
  places: readonly ChosenPlace[],
  staying: ReadonlySet<string>,
  versions: readonly ChartVersion[],
): ExpectedMoves {
  const seen = places.filter(
    ({ place }) => place.file.startsWith(folder + sep) && basename(place.file) === 'values.yaml',
  );
  const values = seen.map(({ image, place }) => {
    const subcharts = relative(folder, dirname(place.file))
      .split(sep)
      .filter((part, i) => part !== '' && i % 2 === 1);
    return { reference: image.reference, keys: changedParts(place).map(({ keys }) => [...subcharts, ...keys]) };
  });
  const moved = seen.flatMap(({ image: { reference, equivalent } }) =>
    equivalent === undefined ? [] : [[reference, equivalent] as const],
  );
  const charts = versions.flatMap(({ name, version, bumped }) =>
    bumped === undefined ? [] : [[`${name}-${version}`, `${name}-${bumped}`] as const],
  );
  return { moved: new Map(moved), staying, values, charts: new Map(charts) };
}
