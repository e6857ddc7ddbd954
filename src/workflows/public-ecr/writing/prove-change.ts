import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { AirgapError } from '../../../base/errors.ts';
import { formatFieldPath } from '../../../base/field-path.ts';
import { quoted } from '../../../base/printable.ts';
import { runStep } from '../../../base/step.ts';
import { unpackChart } from '../../../helm/chart-archive.ts';
import { writeChangedChart } from '../../../helm/chart-edit.ts';
import { readChartFiles } from '../../../helm/chart-files.ts';
import type { ChartSources } from '../../../helm/chart-mirrors.ts';
import { type Chart, fetchChart, titleOf } from '../../../helm/fetch.ts';
import type { Helm } from '../../../helm/helm.ts';
import { lintChart } from '../../../helm/lint.ts';
import { type Render, Renderer, type RenderOptions } from '../../../helm/render.ts';
import { chartFolders } from '../../../helm/subcharts.ts';
import type { ChartJob } from '../../../search/search-charts.ts';
import { upgradeProfile } from '../../../search/variants.ts';
import type { Context } from '../../../session/context.ts';
import { unlessRefused } from '../../../value-tracing/bisection.ts';
import { changeKey, changesBetween } from '../../../value-tracing/changes.ts';
import { isImageChange } from './image-change.ts';

/** A chart folder with changed files. */
export interface ChangedChart {
  /** Absolute. */
  readonly folder: string;
  readonly job: ChartJob;
  /** New texts by absolute path, of files inside and outside the folder. */
  readonly texts: ReadonlyMap<string, string>;
  /** Equivalents by reference. */
  readonly moved: ReadonlyMap<string, string>;
}

/**
 * Lints a chart and renders it with and without the changes, in a work folder: the user's files are not touched.
 * @returns whether any render names another image than before
 * @throws AirgapError `chart-render` if anything but names of images differs, or the changed chart does not pass `helm lint`
 */
export async function proveChange(
  context: Context,
  helm: Helm,
  { folder, job, texts, moved }: ChangedChart,
  sources: ChartSources | undefined,
  scratch: string,
): Promise<boolean> {
  const before = await fetchChart(helm, job.request, join(scratch, 'chart'), context.cwd, sources);
  return runStep(context.emit, `comparing renders of ${titleOf(before)}`, async () => {
    const after = await changedArchive(before, folder, texts, join(scratch, 'changed'));
    const folders = [
      await unpackChart(before.archive, join(scratch, 'lint-before')),
      await unpackChart(after, join(scratch, 'lint-after')),
    ] as const;
    const renderers = [
      new Renderer(helm, before, join(scratch, 'render-before')),
      new Renderer(helm, { ...before, archive: after }, join(scratch, 'render-after')),
    ] as const;
    let hasChanges = false;
    for (const [i, profile] of job.profiles.entries()) {
      const { options } = profile;
      const changedOptions = await withTexts(options, texts, context.cwd, join(scratch, `values-${i}`));
      await compareLint(helm, before, folders, [options, changedOptions]);
      const upgrade = await upgradeProfile(renderers[0], profile);
      for (const isUpgrade of upgrade === undefined ? [false] : [false, true]) {
        const render = (which: 0 | 1, base: RenderOptions) =>
          renderers[which].render(isUpgrade ? { ...base, isUpgrade } : base);
        const old = await unlessRefused(render(0, options));
        // An upgrade may need values that only a cluster has.
        if ('refusal' in old && isUpgrade) continue;
        if ('refusal' in old) throw old.refusal;
        const changed = await render(1, changedOptions);
        const again = () => render(0, options);
        hasChanges = (await compareRenders(before, old.result, changed, again, moved)) || hasChanges;
      }
    }
    return hasChanges;
  });
}

/** Writes the archive of the changed chart, subcharts in folders beside it included, and returns its path. */
async function changedArchive(
  chart: Chart,
  folder: string,
  texts: ReadonlyMap<string, string>,
  scratch: string,
): Promise<string> {
  const files = await readChartFiles(chart.archive, { test: () => true });
  const folders = chartFolders(files);
  const inside = new Map<string, string>();
  for (const [path, text] of texts) {
    for (const { root, repository } of [{ root: '', repository: '' }, ...folders]) {
      const location = root === '' ? folder : resolve(folder, repository?.replace(/^file:\/\//, '') ?? '');
      if (root !== '' && !repository?.startsWith('file://')) continue;
      const inChart = root + relative(location, path).split(sep).join('/');
      if (path.startsWith(location + sep) && files.has(inChart)) inside.set(inChart, text);
    }
  }
  await mkdir(scratch, { recursive: true });
  return writeChangedChart(chart.archive, inside, {}, scratch);
}

/** Returns the options with copies of the values files that change. */
async function withTexts(
  options: RenderOptions,
  texts: ReadonlyMap<string, string>,
  cwd: string,
  scratch: string,
): Promise<RenderOptions> {
  await mkdir(scratch, { recursive: true });
  const values = await Promise.all(
    (options.values ?? []).map(async (path, i) => {
      const text = texts.get(resolve(cwd, path));
      if (text === undefined) return path;
      const copy = join(scratch, `${i}-${basename(path)}`);
      await writeFile(copy, text);
      return copy;
    }),
  );
  return { ...options, values };
}

async function compareLint(
  helm: Helm,
  chart: Chart,
  [before, after]: readonly [string, string],
  [options, changedOptions]: readonly [RenderOptions, RenderOptions],
): Promise<void> {
  const errors = await lintChart(helm, after, changedOptions);
  if (errors.length === 0) return;
  const known = new Set(await lintChart(helm, before, options));
  const added = errors.find((error) => !known.has(error));
  if (added === undefined) {
    const message = `chart ${titleOf(chart)} did not pass helm lint before the change either: ${errors[0]}`;
    helm.emit({ type: 'warning', message });
    return;
  }
  throw new AirgapError('chart-render', `with the changes, chart ${titleOf(chart)} does not pass helm lint: ${added}`, {
    hint: NOTHING_WRITTEN,
  });
}

const NOTHING_WRITTEN = 'nothing was written; leave the image out with --exclude IMAGE, or change it by hand';

/** @returns whether there are differences */
async function compareRenders(
  chart: Chart,
  before: Render,
  after: Render,
  again: () => Promise<Render>,
  moved: ReadonlyMap<string, string>,
): Promise<boolean> {
  const changes = changesBetween([before], [after]);
  const others = changes.filter((change) => !isImageChange(change, moved));
  // Passwords and certificates differ in each render.
  const random = others.length === 0 ? [] : changesBetween([before], [await again()]);
  const randomKeys = new Set(random.map(changeKey));
  const other = others.find((change) => !randomKeys.has(changeKey(change)));
  if (other === undefined) return changes.length > others.length;
  const { template, path, before: old, after: changed } = other;
  const where = path.length === 0 ? template : `${template}, ${formatFieldPath(path)}`;
  throw new AirgapError(
    'chart-render',
    `the changes alter more than images in chart ${titleOf(chart)}: ${where}: ${describe(old)} becomes ${describe(changed)}`,
    { hint: NOTHING_WRITTEN },
  );
}

function describe(value: unknown): string {
  return value === undefined ? 'nothing' : quoted(typeof value === 'string' ? value : JSON.stringify(value));
}
