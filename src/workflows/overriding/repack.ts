import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { changeChart } from '../../helm/chart-edit.ts';
import type { Files } from '../../helm/chart-files.ts';
import type { RenderedDocument } from '../../helm/documents.ts';
import type { Render, Values } from '../../helm/render.ts';
import { subchartsOf } from '../../helm/subcharts.ts';
import { accepted } from '../../influence/accepted.ts';
import { type Change, changesBetween, keyOfChange } from '../../influence/changes.ts';
import { formatTarget } from '../../oci/naming.ts';
import type { PullSecretAdded } from '../../overrides/post-render-map.ts';
import type { Proof } from '../../overrides/proof.ts';
import { addsSecret, FIELD } from '../../overrides/pull-secret.ts';
import { holdersIn, unprovided } from '../../overrides/secret-holders.ts';
import {
  changedTexts,
  type PlacedChange,
  type TemplateChange,
  templateChanges,
} from '../../overrides/template-edits.ts';
import { secretChanges } from '../../overrides/template-secrets.ts';
import { wholeOccurrences } from '../../overrides/text-edits.ts';
import { type Moving, proofOf, renderAll } from './derivation.ts';
import { moveResidue, rewrite } from './residue.ts';

/** Chart with private names in its templates, for references that no value changes. */
export interface Repacked {
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
 * @param renders renders of all variants with the overrides
 * @param folder absolute path of a work folder
 * @param pullSecret pull secret for pods that no value reaches, and the release namespace
 */
export async function repack(
  moving: Moving,
  overrides: Values,
  renders: readonly Render[],
  folder: string,
  given?: { readonly added: PullSecretAdded; readonly namespace: string },
): Promise<Repacked> {
  const { renderer, variants, target } = moving;
  const pairs = variants.map((shown, i) => ({ shown, after: renders[i] as Render }));
  const { entries } = await moveResidue(pairs, renderer, target, true);
  const files = await renderer.texts();
  const changes = templateChanges(files, entries, (template) => pathOf(files, template));
  const wanted = await Promise.all(renders.map(async (render) => (await rewrite(render.documents, entries)).documents));
  const names = [...new Set(entries.map(({ to }) => to))];
  let runs = 0;
  const make = async (chosen: readonly PlacedChange[]): Promise<{ archive: string; renders: Render[] }> => {
    runs += 1;
    const own = join(folder, String(runs));
    const archive = await changeChart(
      renderer.chart.archive,
      changedTexts(files, chosen),
      recordOf(moving, chosen),
      own,
    );
    const changed = await renderAll({ ...moving, renderer: renderer.of(archive, join(own, 'render')) }, overrides);
    return { archive, renders: changed };
  };
  const attempt = async (chosen: readonly PlacedChange[]): Promise<{ archive: string; renders: Render[] }> => {
    const { archive, renders: changed } = await make(chosen);
    const isMeant = changed.every(({ documents }, i) => hasNoMore(documents, wanted[i] ?? [], names));
    if (!isMeant) throw new AirgapError('chart-render', 'a private name appears in an unexpected location');
    return { archive, renders: changed };
  };
  const named = changes.length === 0 ? undefined : await accepted(changes, attempt);
  const done = (given && (await withSecret(named, given, { files, pathOf, renders, make }))) ?? named;
  if (done === undefined) return { archive: undefined, changes: [], proof: proofOf(moving, renders), renders };
  const { archive, renders: changed } = done.result;
  const proof = proofOf(moving, changed);
  return { archive: await readFile(archive), changes: done.items.map(plain), proof, renders: changed };
}

/** Applied template edits, and the chart with them. */
interface Made {
  readonly items: readonly PlacedChange[];
  readonly result: { readonly archive: string; readonly renders: readonly Render[] };
}

/** Chart files and renders for adding a pull secret to templates. */
interface Making {
  readonly files: Files;
  readonly pathOf: (files: Files, template: string) => string;
  readonly renders: readonly Render[];
  readonly make: (chosen: readonly PlacedChange[]) => Promise<Made['result']>;
}

/** Adds the pull secret to templates. The only change allowed is the secret in pods that lacked it. */
async function withSecret(
  named: Made | undefined,
  { added, namespace }: { readonly added: PullSecretAdded; readonly namespace: string },
  { files, pathOf: fileOf, renders, make }: Making,
): Promise<Made | undefined> {
  const { name, pods } = added;
  const before = named?.result.renders ?? renders;
  const without = new Set(unprovided(holdersIn(before, namespace), name).map(({ key }) => key));
  const attempt = async (chosen: readonly PlacedChange[]): Promise<Made['result']> => {
    const result = await make([...(named?.items ?? []), ...chosen]);
    const changed = changesBetween(before, result.renders, (key) => key === FIELD);
    const isGiven = (change: Change): boolean =>
      change.path.at(-1) === FIELD &&
      addsSecret(change, name) &&
      without.has(keyOfChange({ ...change, path: change.path.slice(0, -1) }));
    // A duplicate key changes the text but not the object, because the last one counts.
    const objects = new Set(changed.map(({ render, template, document }) => `${render}\n${template}\n${document}`));
    const isTextOnly = result.renders.some(({ documents }, i) =>
      documents.some(
        ({ template, index, text }, at) =>
          text !== before[i]?.documents[at]?.text && !objects.has(`${i}\n${template}\n${index}`),
      ),
    );
    if (changed.length === 0 || isTextOnly || !changed.every(isGiven)) {
      throw new AirgapError('chart-render', 'the change affects more than the pods that get the secret');
    }
    return result;
  };
  const changes = secretChanges(files, pods, (template) => fileOf(files, template), name);
  const done = changes.length === 0 ? undefined : await accepted(changes, attempt);
  return done && { items: [...(named?.items ?? []), ...done.items], result: done.result };
}

function plain({ file, line, from, to }: TemplateChange): TemplateChange {
  return { file, line, from, to };
}

function recordOf({ renderer, target }: Moving, changes: readonly TemplateChange[]): object {
  const { name: chart, version } = renderer.chart.metadata;
  const content = { chart, version, target: formatTarget(target), changes: changes.map(plain) };
  return { apiVersion: 'airgap/v1', kind: 'ChartChanges', ...content };
}

/** Converts a template name with subchart aliases, as printed by Helm, to a path in the chart. */
function pathOf(files: Files, template: string): string {
  const folders = subchartsOf(files, template).map(({ name }) => `charts/${name}/`);
  return folders.join('') + template.slice(template.indexOf('/templates/') + 1);
}

/** Reports whether no document contains a name more often than expected. */
function hasNoMore(
  documents: readonly RenderedDocument[],
  wanted: readonly RenderedDocument[],
  names: readonly string[],
): boolean {
  const texts = new Map(wanted.map(({ template, index, text }) => [`${template}\n${index}`, text]));
  return documents.every(({ template, index, text }) => {
    const other = texts.get(`${template}\n${index}`) ?? '';
    return names.every((name) => wholeOccurrences(text, name).length <= wholeOccurrences(other, name).length);
  });
}
