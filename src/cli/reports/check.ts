import { count, firstOf } from '../../base/count.ts';
import { printableLine } from '../../base/printable.ts';
import { CHECK_REASONS, type CheckReason } from '../../inventory/check-reasons.ts';
import type { CheckedImage, CheckedWorkload, CheckResult } from '../../inventory/check-result.ts';
import { notKnownLines } from './not-known.ts';
import type { Block, Report } from './report.ts';
import { joinLines, shortDigest } from './text.ts';

/** What each reason means, for people: the end of a sentence about images. */
const REASON_TEXTS: Readonly<Record<CheckReason, string>> = {
  'public-name': 'would be pulled from other registries, not from the target',
  'wrong-name': 'have the host of the target, but not the name at which it has them',
  unpinned: 'are accepted from other registries, but their tags are not fixed',
  missing: 'are missing: neither the target nor the bundle has them, and their registries did not',
  'not-in-bundle': 'are not in the bundle',
  'not-pushed': 'are not at the target',
  incomplete: 'are at the target, but not completely',
  'wrong-platform': 'are for other platforms than the nodes',
  'no-permission': 'are refused by the target',
  'unknown-authority': 'cannot be pulled, because the certificate of the target is not trusted',
  unreachable: 'cannot be pulled, because the target does not answer as it should',
};

/** Maximum number of names in a line; JSON has all. */
const MAX_NAMES = 5;

/** Images that fail for one cause. */
interface Failure {
  readonly reason: CheckReason;
  readonly message: string | undefined;
  readonly hint: string | undefined;
  readonly images: readonly CheckedImage[];
}

/** Formats the result of a check: each cause once, with what it hits, and how many images would be pulled. */
export function checkReport(result: CheckResult): Report {
  const { images, target, bundle = '' } = result;
  const place = printableLine(target ?? bundle);
  const failures = failuresOf(images);
  const blocks: Block[] = [...failures.flatMap((failure) => failureBlocks(failure)), ...chartBlocks(result)];
  const asked = images.filter(({ allowed }) => allowed === undefined);
  const pulled = new Set(asked.map(({ reference }) => reference));
  const failed = new Set(asked.flatMap(({ status, reference }) => (status === 'ok' ? [] : [reference])));
  const nodes = `${result.platforms.join(', ')} nodes`;
  const summary =
    target === undefined
      ? `${place} has ${pulled.size - failed.size} of ${count(pulled.size, 'image')} for ${nodes}`
      : `${pulled.size - failed.size} of ${count(pulled.size, 'image')} would be pulled from ${place} by ${nodes}`;
  return { result: [...blocks, ...otherDigests(images), joinLines([summary])], notes: notesOf(result) };
}

function notesOf(result: CheckResult): string[] {
  const notKnown = notKnownLines(result.notKnown);
  return [...allowedNotes(result), ...(notKnown.length > 0 ? [joinLines(notKnown)] : [])];
}

/** Reports whether the answer is no: an image would not be pulled, or a chart of the bundle is not at the target. */
export function isFailedCheck({ images, charts }: Pick<CheckResult, 'images' | 'charts'>): boolean {
  return images.some(({ status }) => status !== 'ok') || charts.some(({ status = 'ok' }) => status !== 'ok');
}

/** Returns the causes in the order of the reasons. */
function failuresOf(images: readonly CheckedImage[]): Failure[] {
  return CHECK_REASONS.flatMap((reason) => {
    const failed = images.filter(({ status }) => status === reason);
    const groups = Map.groupBy(failed, ({ message, hint, anonymous }) => JSON.stringify([message, hint, anonymous]));
    return [...groups.values()].map((group) => ({
      reason,
      message: group[0]?.message,
      hint: group[0]?.hint,
      images: group,
    }));
  });
}

function failureBlocks({ reason, message, hint, images }: Failure): Block[] {
  const names = new Set(images.map(({ reference }) => reference));
  const isAnonymous = images.some(({ anonymous }) => anonymous);
  const text = REASON_TEXTS[reason];
  const lines = [
    `${count(names.size, 'image')} ${names.size === 1 ? text.replace(/^are /, 'is ') : text} (${reason})`,
    ...(isAnonymous ? ['  asked without credentials, because these Pods do not name the pull secret'] : []),
    ...(message === undefined ? [] : [`  ${message}`]),
    ...(hint === undefined ? [] : [`  ${hint}`]),
  ];
  const hasDetails = images.some(({ detail }) => detail !== undefined);
  // Of charts, the values decide; of manifests, the field.
  const hasFields = images.some(({ workloads }) => workloads.some(isOfManifests));
  const rows = images.flatMap(({ reference, detail = '', workloads }) =>
    workloads.map((workload) => [
      workloadText(workload),
      workload.chart,
      ...(hasFields ? [isOfManifests(workload) ? [workload.file, workload.path].filter(Boolean).join(' ') : ''] : []),
      reference,
      ...(hasDetails ? [detail] : []),
    ]),
  );
  const head = ['WORKLOAD', hasFields ? 'FROM' : 'CHART', ...(hasFields ? ['FIELD'] : []), 'IMAGE'];
  return [joinLines(lines), { head: [...head, ...(hasDetails ? [''] : [])], rows: distinct(rows) }];
}

/** Reports whether a workload is of manifests, whose names have a space. */
function isOfManifests({ chart }: CheckedWorkload): boolean {
  return chart.includes(' ');
}

/** Returns a note for each reason for which images stay public or may be missing, and for each entry of that list that allows nothing. */
function allowedNotes({ images, unusedAllowed = [] }: CheckResult): string[] {
  const accepted = images.filter(({ status, allowed }) => status === 'ok' && allowed !== undefined);
  const byReason = Map.groupBy(accepted, ({ state, allowed }) => JSON.stringify([state, allowed]));
  const used = [...byReason.values()].map((group) => {
    const names = [...new Set(group.map(({ reference }) => reference))];
    const [{ state, allowed } = {}] = group;
    const what = state === 'missing' ? 'missing, accepted' : 'public on purpose';
    return `${what}: ${firstOf(names, MAX_NAMES)} (${allowed})`;
  });
  const unused = unusedAllowed.map(({ image, namespace }) => {
    const where = namespace === undefined ? '' : ` in ${namespace}`;
    return `--allow-images: ${image}${where} allows nothing any more: remove it`;
  });
  return [...used, ...unused].map((note) => joinLines([note]));
}

/** Formats `Deployment/app (container web)`, with the namespace if it is known. */
function workloadText({ kind, name, namespace, container, byOperator }: CheckedWorkload): string {
  const object = [namespace, kind, name].filter(Boolean).join('/') || 'unknown';
  if (byOperator) return `Pods made by ${object}`;
  return container === undefined ? object : `${object} (${container})`;
}

function distinct(rows: readonly (readonly string[])[]): (readonly string[])[] {
  return [...new Map(rows.map((row) => [JSON.stringify(row), row])).values()];
}

/** Returns the charts of the bundle that the target does not have. */
function chartBlocks({ charts, target = '' }: CheckResult): string[] {
  const failed = charts.filter(({ status = 'ok' }) => status !== 'ok');
  const groups = Map.groupBy(failed, ({ status, message, hint }) => JSON.stringify([status, message, hint]));
  return [...groups.values()].map((group) => {
    const names = [...new Set(group.map(({ name, version }) => `${name} ${version}`))];
    const { status, message, hint } = group[0] ?? {};
    const what = status === 'not-pushed' ? `${target} does not have` : `${target} cannot be asked for`;
    return joinLines([
      `${what} ${names.length === 1 ? 'chart' : 'charts'} ${names.join(', ')} of the bundle (${status})`,
      ...(message === undefined ? [] : [`  ${message}`]),
      ...(hint === undefined ? [] : [`  ${hint}`]),
    ]);
  });
}

/** Returns the images that the target has under the same name with other content, which a node pulls all the same. */
function otherDigests(images: readonly CheckedImage[]): string[] {
  const other = images.filter(
    ({ digest, digestAtTarget, reference }) =>
      digest !== undefined && digestAtTarget !== undefined && digest !== digestAtTarget && !reference.includes('@'),
  );
  if (other.length === 0) return [];
  const lines = other.map(
    ({ reference, digest = '', digestAtTarget = '' }) =>
      `  ${reference} is ${shortDigest(digestAtTarget)}, in the bundle ${shortDigest(digest)}`,
  );
  const head = `${count(other.length, 'image')} at the target ${other.length === 1 ? 'has' : 'have'} other content than in the bundle:`;
  return [joinLines([head, ...lines])];
}
