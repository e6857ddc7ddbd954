import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { readEditable } from '../../../base/editable-file.ts';
import { compareText } from '../../../base/text-order.ts';
import { changedFiles, refuseExistingPatch, writeWithUndo } from '../../../base/undo-patch.ts';
import { unifiedDiff } from '../../../base/unified-diff.ts';
import { dependencyRepositories } from '../../../helm/chart-dependencies.ts';
import type { ChartSources } from '../../../helm/chart-mirrors.ts';
import type { PublicEcrImage, PublicEcrResult } from '../../../inventory/public-ecr.ts';
import type { ChartJob } from '../../../search/search-charts.ts';
import { type Context, withScratch } from '../../../session/context.ts';
import { changeTests, movesOf } from './chart-tests.ts';
import { type ChartVersion, raiseVersion } from './chart-versions.ts';
import { type ChosenPlace, chooseChanges, filesToEdit, isVerified, type NotWritten } from './choose-changes.ts';
import type { Bump } from './next-version.ts';
import { findParents, type ParentChart } from './parent-charts.ts';

export interface WriteOptions {
  /** Charts that were searched. */
  readonly jobs: readonly ChartJob[];
  readonly chartSources?: ChartSources | undefined;
  readonly bump?: Bump | undefined;
  /** Changes images too whose signatures the equivalents do not have. */
  readonly withoutSignatures?: boolean | undefined;
  /** Shows what would be written. */
  readonly isDryRun: boolean;
  /** Path of the undo patch (absolute); by default `public-ecr.undo.patch` in the working folder, but never in a chart. */
  readonly undo?: string | undefined;
}

export interface PublicEcrWriting {
  readonly isDryRun: boolean;
  /** Unified diff of all changes; paths are relative to `folder`. */
  readonly diff: string;
  /** Folder in which the patches apply (absolute). */
  readonly folder: string;
  /** Path of the undo patch (absolute); absent if nothing was written. */
  readonly undo?: string;
  /** Absolute paths of the changed files, sorted. */
  readonly files: readonly string[];
  readonly images: readonly WrittenImage[];
  readonly notWritten: readonly NotWritten[];
  /** Versions of the charts whose values changed. */
  readonly versions: readonly ChartVersion[];
  readonly parents: readonly ParentChart[];
  /** Changed files that no render was compared for, because no chart belongs to them. */
  readonly unproved: readonly string[];
}

interface WrittenImage {
  readonly reference: string;
  readonly equivalent: string;
  /** `FILE:LINE`, absolute. */
  readonly places: readonly string[];
}

const UNDO_FILE = 'public-ecr.undo.patch';

/**
 * Changes values files, and the expectations of helm-unittest, to verified equivalents in Public ECR. Charts are linted and rendered
 * with and without the changes first; all files are written, or none.
 * @throws AirgapError `chart-render` if more than images changes; `chart-invalid` for a version that cannot be raised;
 * `output-exists` for the undo patch; `file`, `no-space`
 */
export async function writePublicEcr(
  context: Context,
  { images }: PublicEcrResult,
  options: WriteOptions,
): Promise<PublicEcrWriting> {
  const { bump, isDryRun } = options;
  const editable = new Map(
    await Promise.all(filesToEdit(images).map(async (path) => [path, await readEditable(path)] as const)),
  );
  const chosen = chooseChanges(images, editable, options.withoutSignatures);
  const changed = new Map<string, { before: string; after: string }>();
  for (const [path, after] of chosen.texts) {
    const before = editable.get(path);
    if (typeof before === 'string' && before !== after) changed.set(path, { before, after });
  }
  const undo = changed.size === 0 || isDryRun ? undefined : (options.undo ?? defaultUndo(context.cwd));
  if (undo !== undefined) refuseExistingPatch(undo);
  const charts = [...new Set([...changed.keys()].flatMap((path) => chartOf(path) ?? []))].sort();
  const unproved = await prove(context, options, changed, chosen.places);
  const raised = await Promise.all(charts.map((folder) => raiseVersion(folder, bump)));
  const versions = raised.map(({ version }) => version);
  const notWritten = [...chosen.notWritten, ...unmapped(images, chosen.notWritten)];
  const staying = new Set(images.filter((image) => !isGone(image, notWritten)).map(({ reference }) => reference));
  for (const folder of new Set(charts.flatMap(withParents))) {
    const tests = await changeTests(folder, movesOf(folder, chosen.places, staying, versions));
    for (const [path, texts] of tests.texts) changed.set(path, texts);
    notWritten.push(...tests.notWritten);
  }
  for (const { version, before, after } of raised) if (before !== after) changed.set(version.file, { before, after });
  const files = [...changed.keys()].sort(compareText);
  const sorted = new Map(files.map((path) => [path, changed.get(path) as { before: string; after: string }]));
  const { folder, changes } = changedFiles(sorted, context.cwd);
  if (undo !== undefined) await writeWithUndo(undo, { folder, changes });
  return {
    isDryRun,
    diff: unifiedDiff(changes),
    folder,
    ...(undo === undefined ? {} : { undo }),
    files,
    images: writtenImages(chosen.places),
    notWritten,
    versions,
    parents: await findParents(versions, context.cwd),
    unproved,
  };
}

/** @returns changed files that belong to no chart */
async function prove(
  context: Context,
  { jobs, chartSources }: WriteOptions,
  changed: ReadonlyMap<string, { readonly after: string }>,
  places: readonly ChosenPlace[],
): Promise<string[]> {
  if (changed.size === 0) return [];
  const texts = new Map([...changed].map(([path, { after }]) => [path, after]));
  const moved = new Map(places.map(({ image }) => [image.reference, image.equivalent ?? '']));
  const [{ Helm }, { proveChange }] = await Promise.all([import('../../../helm/helm.ts'), import('./prove-change.ts')]);
  const proved = new Set<string>();
  await withScratch(context, async (scratch) => {
    for (const [i, job] of jobs.entries()) {
      const own = await filesOf(job, [...texts.keys()], context.cwd);
      if (own.length === 0) continue;
      const folder = resolve(context.cwd, job.request.chart);
      const isShown = await proveChange(
        context,
        new Helm(context),
        { folder, job, texts, moved },
        chartSources,
        join(scratch, String(i)),
      );
      if (!isShown) {
        const message = `${job.request.chart}: no render shows the changes, since nothing that is on uses these values`;
        context.emit({ type: 'warning', message });
      }
      for (const path of own) proved.add(path);
    }
  });
  return [...texts.keys()].filter((path) => !proved.has(path)).sort();
}

/** Returns the files that a chart reads: in its folder, in those of its `file://` dependencies, and named with `-f`. */
async function filesOf({ request, profiles }: ChartJob, paths: readonly string[], cwd: string): Promise<string[]> {
  const given = profiles.flatMap(({ options }) => (options.values ?? []).map((path) => resolve(cwd, path)));
  const folder = resolve(cwd, request.chart);
  const isFolder = request.repo === undefined && existsSync(join(folder, 'Chart.yaml'));
  const local = (isFolder ? await dependencyRepositories(folder) : []).filter((address) =>
    address.startsWith('file://'),
  );
  const folders = isFolder ? [folder, ...local.map((address) => resolve(folder, address.slice('file://'.length)))] : [];
  return paths.filter((path) => given.includes(path) || folders.some((parent) => path.startsWith(parent + sep)));
}

/** Returns the folder of the innermost chart that has a file. */
function chartOf(path: string): string | undefined {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'Chart.yaml'))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

/** Returns a chart's folder and those of the charts that have it in `charts/`. */
function withParents(folder: string): string[] {
  const parent = dirname(dirname(folder));
  const isSubchart = basename(dirname(folder)) === 'charts' && existsSync(join(parent, 'Chart.yaml'));
  return isSubchart ? [folder, ...withParents(parent)] : [folder];
}

function isGone({ reference, ...image }: PublicEcrImage, notWritten: readonly NotWritten[]): boolean {
  return isVerified({ reference, ...image }) && !notWritten.some((entry) => entry.reference === reference);
}

/** Returns locations of verified images that no value moves, save for those of which a place is named. */
function unmapped(images: readonly PublicEcrImage[], named: readonly NotWritten[]): NotWritten[] {
  const isNamed = ({ reference }: PublicEcrImage): boolean => named.some((entry) => entry.reference === reference);
  const left = images.filter((image) => isVerified(image) && !isNamed(image));
  return left.flatMap(({ reference, unmapped: locations }) =>
    locations.map(({ template, object, field, reason }): NotWritten => {
      return { kind: 'elsewhere', reference, file: template, line: 0, reason: `${object}, ${field}: ${reason}` };
    }),
  );
}

function writtenImages(places: readonly ChosenPlace[]): WrittenImage[] {
  return [...Map.groupBy(places, ({ image }) => image)].map(([{ reference, equivalent = '' }, group]) => {
    return { reference, equivalent, places: [...new Set(group.map(({ place: { file, line } }) => `${file}:${line}`))] };
  });
}

/** A patch in a chart's folder would become part of the chart. */
function defaultUndo(cwd: string): string {
  const chart = chartOf(join(cwd, UNDO_FILE));
  return join(chart === undefined ? cwd : dirname(withParents(chart).at(-1) ?? chart), UNDO_FILE);
}
