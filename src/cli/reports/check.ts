import { count } from '../../base/count.ts';
import { printableLine } from '../../base/printable.ts';
import { CHECK_REASONS, type CheckReason } from '../../inventory/check-reasons.ts';
import type { CheckedImage, CheckedWorkload, CheckResult } from '../../inventory/check-result.ts';
import type { Block, Report } from './report.ts';
import { joinLines, shortDigest } from './text.ts';

/** What each reason means, for people: the end of a sentence about images. */
const REASON_TEXTS: Readonly<Record<CheckReason, string>> = {
  'public-name': 'would be pulled from other registries, not from the target',
  'not-in-bundle': 'are not in the bundle',
  'not-pushed': 'are not at the target',
  incomplete: 'are at the target, but not completely',
  'wrong-platform': 'are for other platforms than the nodes',
  'no-permission': 'are refused by the target',
  'unknown-authority': 'cannot be pulled, because the certificate of the target is not trusted',
  unreachable: 'cannot be pulled, because the target does not answer as it should',
};

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
  const pulled = new Set(images.map(({ reference }) => reference));
  const failed = new Set(failures.flatMap((failure) => failure.images.map(({ reference }) => reference)));
  const nodes = `${result.platforms.join(', ')} nodes`;
  const summary =
    target === undefined
      ? `${place} has ${pulled.size - failed.size} of ${count(pulled.size, 'image')} for ${nodes}`
      : `${pulled.size - failed.size} of ${count(pulled.size, 'image')} would be pulled from ${place} by ${nodes}`;
  return { result: [...blocks, ...otherDigests(images), joinLines([summary])], notes: [] };
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
  const rows = images.flatMap(({ reference, detail = '', workloads }) =>
    workloads.map((workload) => [workloadText(workload), workload.chart, reference, ...(hasDetails ? [detail] : [])]),
  );
  return [
    joinLines(lines),
    { head: ['WORKLOAD', 'CHART', 'IMAGE', ...(hasDetails ? [''] : [])], rows: distinct(rows) },
  ];
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
