import { count } from '../../base/count.ts';
import { profileText } from '../../inventory/values-origin.ts';
import type { FormatResult } from '../../workflows/values/format-references.ts';
import type { UmbrellaOverrides } from '../../workflows/values/umbrella-chart.ts';
import type { Overrides } from '../../workflows/values/values.ts';
import { notKnownLines } from './not-known.ts';
import { joinLines } from './text.ts';

/**
 * Formats the proof of overrides, without a final newline.
 * @param showProfile include the profile, for charts that may have several
 */
export function proofReport(result: Overrides, showProfile = false): string {
  const { chart, version, profile, proof, copied, notInBundle, moreInBundle, postRenderMap, changedChart } = result;
  const name = `${chart} ${version}${showProfile ? ` (profile ${profile})` : ''}`;
  const scope = moreInBundle === undefined ? '' : ' with these values';
  const lines = [
    proof.skipped
      ? `${name}: overrides for ${count(proof.references, 'reference')}${scope}, not proved`
      : `${name}: ${proof.rewritten} of ${count(proof.references, 'reference')} private${scope}, proved by rendering`,
  ];
  lines.push(...some(moreInBundle?.references ?? [], (reference) => [`  in the bundle, not needed: ${reference}`]));
  for (const bundledProfile of moreInBundle?.profiles ?? []) lines.push(`    ${profileText(bundledProfile)}`);
  if (postRenderMap !== undefined)
    lines.push(`  rewritten by the post-renderer: ${count(postRenderMap.entries, 'location')} (${postRenderMap.name})`);
  if (changedChart !== undefined) {
    lines.push(
      `  rewritten in the templates: ${count(changedChart.changes.length, 'location')} (${changedChart.name})`,
    );
    lines.push(
      ...some(changedChart.changes, ({ file, line, from }) => [`    ${file}:${line} ${from || 'the pull secret'}`]),
    );
  }
  for (const unmapped of proof.residue) {
    const { because } = unmapped;
    lines.push(...unmappedLines(unmapped));
    const why = postRenderMap?.inHooks.includes(unmapped) ? postRenderMap.hint : because;
    if (why !== undefined) lines.push(`    ${why}`);
  }
  lines.push(...stateLines(proof), ...notKnownLines(proof.notKnown).map((line) => `  ${line}`));
  lines.push(...proofDetails(proof), ...copiedValuesText(copied));
  for (const reference of notInBundle) lines.push(`  not in the bundle: ${reference}`);
  return joinLines(lines);
}

function unmappedLines(unmapped: Overrides['proof']['residue'][number]): string[] {
  const { reference, written, wrongName } = unmapped;
  return [
    `  unmapped, ${wrongName ? 'private, but not the name at the target' : 'still public'}: ${reference}`,
    `    ${placeOf(unmapped)}${written === reference ? '' : ` has ${written}`}`,
  ];
}

/** Formats a reference that stays public. */
export function onPurposeText({ reference, reason }: { readonly reference: string; readonly reason: string }): string {
  return `public on purpose: ${reference} (${reason})`;
}

/** Returns the lines about references that stay public, and about images that do not exist; each once. */
function stateLines({ allowed = [], missing = [] }: Overrides['proof']): string[] {
  const byName = new Map(missing.map((entry) => [entry.reference, entry]));
  return [
    ...some([...new Set(allowed.map(onPurposeText))], (text) => [`  ${text}`]),
    ...[...byName.values()].flatMap(({ reference, why, allowed: accepted }) =>
      accepted === undefined
        ? [`  missing: ${reference}`, `    ${why}`]
        : [`  missing, accepted${accepted.reason === undefined ? '' : ` (${accepted.reason})`}: ${reference}`],
    ),
  ];
}

/** Where a reference is: an image that an operator's program names is in no template. */
function placeOf({ template, path }: { readonly template: string; readonly path: string }): string {
  return template === '' ? path : `${template} ${path}`;
}

/** Maximum number of entries of a list that asks for nothing to be done; JSON has all. */
const MAX_SHOWN = 10;

/** Formats the first entries of a list, and counts the others. */
function some<T>(items: readonly T[], format: (item: T) => readonly string[]): string[] {
  const more = items.length - MAX_SHOWN;
  const lines = items.slice(0, MAX_SHOWN).flatMap(format);
  return more > 0 ? [...lines, `    and ${more} more (-o json lists all)`] : lines;
}

/** Returns the lines of a proof report on operator settings, pull secrets and pinned digests. */
function proofDetails({
  injected = [],
  withoutPullSecret,
  pullSecretUnknown = [],
  pins,
}: Overrides['proof']): string[] {
  const lines = injected.map(({ name, value }) => `  set for the operator: ${name} = ${value}`);
  for (const { kind, name, template } of withoutPullSecret ?? []) {
    lines.push(`  without the pull secret: ${kind}/${name}`, `    ${template}`);
  }
  if (withoutPullSecret?.length === 0) lines.push('  every pod of the chart has the pull secret');
  if (pullSecretUnknown.length > 0) lines.push('  pull secret unknown, in pods that the installed software creates:');
  for (const reference of pullSecretUnknown) lines.push(`    ${reference}`);
  if (pins !== undefined) lines.push(`  pinned: ${pins.pinned} of ${count(pins.pinnable, 'reference')}`);
  lines.push(
    ...some(pins?.left ?? [], ({ reference, template, path }) => [
      `  not pinned: ${reference}`,
      `    ${template} ${path}`,
    ]),
  );
  return lines;
}

/** Returns a line that lists values copied whole from the user's values into the overrides. */
function copiedValuesText(copied: readonly string[]): string[] {
  if (copied.length === 0) return [];
  return [`  copied whole from your values, including any secrets in them: ${copied.join(', ')}`];
}

/**
 * Formats the proof of an umbrella chart and of the charts that it installs, without a final newline.
 * @param showProfile include the profile, for charts that may have several
 */
export function umbrellaReport(
  { profile, proofs, copied, left, notInBundle }: UmbrellaOverrides,
  showProfile = false,
): string {
  const lines: string[] = [];
  for (const { chart, version, entry, proof } of proofs) {
    const details = [showProfile ? `profile ${profile}` : '', entry].filter((text) => text !== '');
    const detailText = details.length === 0 ? '' : ` (${details.join(', ')})`;
    lines.push(
      `${chart} ${version}${detailText}: ${proof.rewritten} of ${count(proof.references, 'reference')} private, proved by rendering`,
    );
    for (const unmapped of proof.residue) {
      lines.push(...unmappedLines(unmapped));
    }
    lines.push(...stateLines(proof), ...notKnownLines(proof.notKnown).map((line) => `  ${line}`));
  }
  lines.push(...copiedValuesText(copied));
  for (const reason of left) lines.push(`  not redirected: ${reason}`);
  for (const reference of notInBundle) lines.push(`  not in the bundle: ${reference}`);
  return joinLines(lines);
}

/** Formats a summary of a list of references and of what the format cannot express. */
export function formatReport({ charts, references, left, allowed, notKnown }: FormatResult): string {
  const from = charts.length === 0 ? '' : ` in ${charts.join(', ')}`;
  return joinLines([
    `${count(references, 'reference')}${from}`,
    ...allowed.map((name) => `  ${onPurposeText(name)}`),
    ...left.map((reason) => `  left out: ${reason}`),
    ...notKnownLines(notKnown).map((line) => `  ${line}`),
  ]);
}
