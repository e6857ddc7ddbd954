import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { writeChangedChart } from '../../helm/chart-edit.ts';
import type { ChartFiles } from '../../helm/chart-files.ts';
import { documentKey, type RenderedDocument } from '../../helm/documents.ts';
import type { Render } from '../../helm/render.ts';
import { subchartsOf } from '../../helm/subcharts.ts';
import { formatTarget } from '../../naming/naming.ts';
import { findAccepted } from '../../value-tracing/bisection.ts';
import { type Change, changeKey, changesBetween } from '../../value-tracing/changes.ts';
import { buildOverlay } from '../../value-tracing/leaves.ts';
import { wholeOccurrences } from '../../value-tracing/name-segments.ts';
import { addsPullSecret, PULL_SECRETS_FIELD } from '../additions/secret-changes.ts';
import { findSecretHolders, holdersWithoutSecret } from '../additions/secret-holders.ts';
import type { Proof } from '../proof/proof.ts';
import { proofOf, type Relocation, renderAll } from '../proof/relocation.ts';
import type { ProvenOverrides } from '../settings/accepted-settings.ts';
import type { AddedPullSecret, PostRenderEntry } from './post-render-map.ts';
import { planPostRender, rewriteDocuments } from './post-render-plan.ts';
import {
  applyTemplateEdits,
  findTemplateEdits,
  type TemplateChange,
  type TemplateEdit,
  templateSecretEdits,
} from './template-edits.ts';

/** Chart with private names in its templates, for references that no value changes. */
export interface RepackedChart {
  /** Chart archive; undefined if no template contains a literal reference. */
  readonly archive: Buffer | undefined;
  readonly changes: readonly TemplateChange[];
  /** Proof of the overrides with this chart. */
  readonly proof: Proof;
  /** Renders of this chart with the overrides. */
  readonly renders: readonly Render[];
}

/**
 * Changes the chart's templates where they contain unmapped references, and proves overrides and chart together. The
 * changed templates must render what a post-renderer would produce, including hooks; changes that put a private name
 * anywhere else are dropped.
 * @param folder absolute path of a work folder
 * @param pullSecret pull secret for pods that no value reaches, and the release namespace
 */
export async function repack(
  relocation: Relocation,
  { base, settings, renders }: ProvenOverrides,
  folder: string,
  pullSecret?: { readonly added: AddedPullSecret; readonly namespace: string },
): Promise<RepackedChart> {
  const { renderer } = relocation;
  const { entries } = await planPostRender(relocation, renders, true);
  const files = await renderer.sourceFiles();
  const changes = findTemplateEdits(files, entries, (template) => fileInChart(files, template));
  const expected = await Promise.all(
    renders.map(async (render) => (await rewriteDocuments(render.documents, entries)).documents),
  );
  let runs = 0;
  const repackWith = async (edits: readonly TemplateEdit[]): Promise<{ archive: string; renders: Render[] }> => {
    runs += 1;
    const workFolder = join(folder, String(runs));
    const archive = await writeChangedChart(
      renderer.chart.archive,
      applyTemplateEdits(files, edits),
      changeRecord(relocation, edits),
      workFolder,
    );
    const changed = await renderAll(
      { ...relocation, renderer: renderer.withArchive(archive, join(workFolder, 'render')) },
      buildOverlay(base, settings),
    );
    return { archive, renders: changed };
  };
  const attempt = async (edits: readonly TemplateEdit[]): Promise<{ archive: string; renders: Render[] }> => {
    const { archive, renders: changed } = await repackWith(edits);
    const isExpected = changed.every(({ documents }, i) => hasNoExtraNames(documents, expected[i] ?? [], entries));
    if (!isExpected) throw new AirgapError('chart-render', 'a private name appears in an unexpected location');
    return { archive, renders: changed };
  };
  const renamed = changes.length === 0 ? undefined : await findAccepted(changes, attempt);
  const done = (pullSecret && (await withSecret(renamed, pullSecret, { files, renders, repackWith }))) ?? renamed;
  if (done === undefined) return { archive: undefined, changes: [], proof: proofOf(relocation, renders), renders };
  const { archive, renders: changed } = done.result;
  const proof = proofOf(relocation, changed);
  return { archive: await readFile(archive), changes: done.items.map(withoutEdit), proof, renders: changed };
}

/** Applied template edits, and the chart with them. */
interface RepackResult {
  readonly items: readonly TemplateEdit[];
  readonly result: { readonly archive: string; readonly renders: readonly Render[] };
}

/** Chart files and renders for adding a pull secret to templates. */
interface RepackContext {
  readonly files: ChartFiles;
  readonly renders: readonly Render[];
  readonly repackWith: (edits: readonly TemplateEdit[]) => Promise<RepackResult['result']>;
}

/** Adds the pull secret to templates. The only change allowed is the secret in pods that lacked it. */
async function withSecret(
  renamed: RepackResult | undefined,
  { added, namespace }: { readonly added: AddedPullSecret; readonly namespace: string },
  { files, renders, repackWith }: RepackContext,
): Promise<RepackResult | undefined> {
  const { name, pods } = added;
  const before = renamed?.result.renders ?? renders;
  const keysWithoutSecret = new Set(
    holdersWithoutSecret(findSecretHolders(before, namespace), name).map(({ key }) => key),
  );
  const attempt = async (edits: readonly TemplateEdit[]): Promise<RepackResult['result']> => {
    const result = await repackWith([...(renamed?.items ?? []), ...edits]);
    const changed = changesBetween(before, result.renders, (key) => key === PULL_SECRETS_FIELD);
    const addsSecret = (change: Change): boolean =>
      change.path.at(-1) === PULL_SECRETS_FIELD &&
      addsPullSecret(change, name) &&
      keysWithoutSecret.has(changeKey({ ...change, path: change.path.slice(0, -1) }));
    // A duplicate key changes the text but not the object, because the last one counts.
    const objects = new Set(
      changed.map(({ render, template, document }) => `${render}\n${documentKey(template, document)}`),
    );
    const isTextOnly = result.renders.some(({ documents }, i) =>
      documents.some(
        ({ template, index, text }, position) =>
          text !== before[i]?.documents[position]?.text && !objects.has(`${i}\n${documentKey(template, index)}`),
      ),
    );
    if (changed.length === 0 || isTextOnly || !changed.every(addsSecret)) {
      throw new AirgapError('chart-render', 'the change affects more than the pods that get the secret');
    }
    return result;
  };
  const changes = templateSecretEdits(files, pods, (template) => fileInChart(files, template), name);
  const done = changes.length === 0 ? undefined : await findAccepted(changes, attempt);
  return done && { items: [...(renamed?.items ?? []), ...done.items], result: done.result };
}

function withoutEdit({ file, line, from, to }: TemplateChange): TemplateChange {
  return { file, line, from, to };
}

function changeRecord({ renderer, target }: Relocation, changes: readonly TemplateChange[]): object {
  const { name: chart, version } = renderer.chart.metadata;
  const content = { chart, version, target: formatTarget(target), changes: changes.map(withoutEdit) };
  return { apiVersion: 'airgap/v1', kind: 'ChartChanges', ...content };
}

/** Converts a template name with subchart aliases, as printed by Helm, to a path in the chart. */
function fileInChart(files: ChartFiles, template: string): string {
  const folders = subchartsOf(files, template).map(({ name }) => `charts/${name}/`);
  return folders.join('') + template.slice(template.indexOf('/templates/') + 1);
}

/**
 * Reports whether no document contains a private name more often than expected. In comments and descriptions, which the post-renderer
 * leaves as they are, it may stand in place of the public one.
 */
function hasNoExtraNames(
  documents: readonly RenderedDocument[],
  expected: readonly RenderedDocument[],
  entries: readonly PostRenderEntry[],
): boolean {
  // A word without registry, path or tag may be anything.
  const publicNames = (group: readonly PostRenderEntry[]): ReadonlySet<string> =>
    new Set(group.flatMap(({ from }) => (/[/:@]/.test(from) ? from : [])));
  const byName = [...Map.groupBy(entries, ({ to }) => to)];
  const replaced = new Map(byName.map(([name, group]) => [name, publicNames(group)]));
  const texts = new Map(expected.map(({ template, index, text }) => [documentKey(template, index), text]));
  return documents.every(({ template, index, text }) => {
    const expectedText = texts.get(documentKey(template, index)) ?? '';
    return [...replaced].every(([name, publicNames]) => {
      const counts = [name, ...publicNames].map((each) => wholeOccurrences(expectedText, each).length);
      return wholeOccurrences(text, name).length <= counts.reduce((sum, count) => sum + count, 0);
    });
  });
}
