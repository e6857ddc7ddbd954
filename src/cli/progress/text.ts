import { count } from '../../base/count.ts';
import type { Retry, Upload } from '../../base/events.ts';
import { printableLine } from '../../base/printable.ts';
import { redact } from '../../base/redact.ts';
import { formatBytes } from '../reports/text.ts';
import type { Snapshot, StepStatus } from './state.ts';
import type { OwnerStatus, TransferStatus } from './transfer.ts';

/** Steps that one line names. */
const MAX_STEPS = 3;

/**
 * Formats what a run is doing as lines of any width: one for the transfer, one for the steps. Empty if nothing is open.
 */
export function statusLines({ transfer, steps, retries }: Snapshot): string[] {
  const stepTexts = steps.slice(0, MAX_STEPS).map(stepText);
  const more = steps.length > MAX_STEPS ? [`and ${steps.length - MAX_STEPS} more`] : [];
  return [
    ...(transfer === undefined ? [] : [transferFacts(transfer, retries).join(', ')]),
    ...(stepTexts.length === 0 ? [] : [[...stepTexts, ...more].join('; ')]),
  ];
}

/** Formats a step with its count of items and its time: `checking tags: 12 of 43, 4 s`. */
export function stepText({ title, items, elapsed }: StepStatus): string {
  const done =
    items === undefined ? [] : [items.total === undefined ? `${items.done} done` : `${items.done} of ${items.total}`];
  const time = elapsed < 1000 ? [] : [duration(elapsed)];
  const facts = [...done, ...time].join(', ');
  return safe(facts === '' ? title : `${title}: ${facts}`);
}

/** Formats a transfer as facts, the most important first. */
export function transferFacts(transfer: TransferStatus, retries: number): string[] {
  const { activity, items, bytes, percent, rate, timeLeft, idle, active } = transfer;
  const moved = `${formatBytes(bytes.done)} of ${formatBytes(bytes.total)} (${percent} %)`;
  const first = items === undefined ? moved : `${items.done} of ${items.total} ${items.noun}`;
  return [
    `${activity} ${first}`,
    ...(items === undefined ? [] : [moved]),
    ...(idle === undefined ? [] : [idleText(idle, active)]),
    ...(idle === undefined && rate !== undefined ? [`${formatBytes(rate)}/s`] : []),
    ...(timeLeft === undefined ? [] : [`${duration(timeLeft)} left`]),
    ...(retries === 0 ? [] : [count(retries, 'retry', 'retries')]),
  ];
}

/** Says that nothing moves, and where. */
function idleText(idle: number, active: readonly OwnerStatus[]): string {
  const [first, ...others] = active;
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  const names = first === undefined ? '' : ` (${ownerName(first)}${more})`;
  const isWaiting = active.length > 0 && active.every(({ isAwaitingAnswer }) => isAwaitingAnswer);
  return `${isWaiting ? 'waiting for the answer' : 'no data'} for ${duration(idle)}${names}`;
}

/** Returns the name of an image, chart or file without control characters. */
export function ownerName({ name }: OwnerStatus): string {
  return safe(name);
}

/** Formats how far one image is, `12 MB of 30 MB`, and what is unusual about it: the last facts are the most important. */
export function ownerFacts({ bytes, idle, isAwaitingAnswer, retries }: OwnerStatus): string[] {
  const facts = [`${formatBytes(bytes.done)} of ${formatBytes(bytes.total)}`];
  if (retries > 0) facts.push(count(retries, 'retry', 'retries'));
  if (idle !== undefined)
    facts.push(`${isAwaitingAnswer ? 'waiting for the answer' : 'no data'} for ${duration(idle)}`);
  return facts;
}

/** Formats a retry. The reason is a sentence that usually begins with `what`; without it, maybe with the way: `(via mirror …`. */
export function retryText({ what, attempt, reason }: Retry): string {
  const whole = reason.startsWith(what) ? reason : `${what}${reason.startsWith('(') ? '' : ':'} ${reason}`;
  return `retrying (attempt ${attempt}): ${whole}`;
}

/** Formats what a push will send, and where to, in one or two lines. */
export function uploadText({ tags, unchanged, repositories, blobs, bytes, example, target }: TargetUpload): string {
  const to = target === undefined ? '' : ` to ${target}`;
  const unchangedText = unchanged === 0 ? '' : `; ${count(unchanged, 'tag')} unchanged`;
  if (tags === 0) return `nothing to write${to}${unchangedText}`;
  const content = `${count(tags, 'tag')} in ${count(repositories, 'repository', 'repositories')}`;
  const total = `writing ${content}${to}, up to ${count(blobs, 'blob')} (${formatBytes(bytes)})${unchangedText}`;
  return example === undefined ? total : `${total}\n  such as ${example.from} -> ${example.to}`;
}

type TargetUpload = Upload & { readonly target?: string };

/** Formats what a transfer did: `1.2 GB in 48 s (25 MB/s), 2 retries`. */
export function totalText(bytes: number, elapsed: number, retries: number): string {
  const rate = elapsed > 0 ? ` (${formatBytes((bytes / elapsed) * 1000)}/s)` : '';
  const retried = retries === 0 ? '' : `, ${count(retries, 'retry', 'retries')}`;
  return `${formatBytes(bytes)} in ${duration(elapsed)}${rate}${retried}`;
}

/** Formats a time in milliseconds: `48 s`, `3 min 20 s`, `2 h 05 min`. */
function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  if (hours === 0) return `${minutes} min ${seconds % 60} s`;
  return hours < 100 ? `${hours} h ${String(minutes % 60).padStart(2, '0')} min` : 'days';
}

/** Names come from charts and registries. */
function safe(text: string): string {
  return printableLine(redact(text));
}
