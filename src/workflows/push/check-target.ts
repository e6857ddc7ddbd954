import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../base/errors.ts';
import { ignoreEvents } from '../../base/events.ts';
import { runStep } from '../../base/step.ts';
import { type OpenOptions, openCheckedBundle } from '../../bundle/open.ts';
import { formatTarget, type Target } from '../../naming/naming.ts';
import { formatRepository, type Reference } from '../../oci/reference.ts';
import { connect, type RegistryAccess } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import { destinationOf } from './destination.ts';

/** Result of checking for a sample of a bundle's images in the target. */
export type TargetCheck =
  | { readonly status: 'found' }
  /** None of the sampled images exists. */
  | { readonly status: 'missing'; readonly repositories: readonly string[] }
  /** The target cannot be reached or does not respond. */
  | { readonly status: 'unknown'; readonly reason: string };

export interface TargetCheckOptions extends Pick<OpenOptions, 'signers'> {
  readonly bundle: string;
  readonly target: Target;
  readonly access: RegistryAccess;
  /** Chart whose images are sampled first. */
  readonly chart: string | undefined;
  /** Milliseconds for the whole check. */
  readonly timeout: number;
}

/** Number of images that are checked. */
const SAMPLE_SIZE = 3;

/**
 * Checks whether the target has images of a bundle under the names that push gives them: one HEAD request for each of a
 * few images, without retries. No other hosts are contacted, except for credentials.
 * @throws AirgapError `bundle-invalid`, `signature`, `file` of the bundle
 */
export async function checkPushedImages(context: Context, options: TargetCheckOptions): Promise<TargetCheck> {
  const { target, timeout } = options;
  const finished = new AbortController();
  const signal = context.signal === undefined ? finished.signal : AbortSignal.any([finished.signal, context.signal]);
  const references = await sampleReferences(options);
  if (references.length === 0) return { status: 'unknown', reason: 'the bundle has no images' };
  const { client } = connect({ ...context, emit: ignoreEvents, signal }, options.access, signal);
  const awaitTimeout = async (): Promise<TargetCheck> => {
    await sleep(timeout, undefined, { signal });
    return { status: 'unknown', reason: `${target.registry} did not respond within ${timeout / 1000} seconds` };
  };
  const checkImages = async (): Promise<TargetCheck> => {
    const heads = references.map(async (reference) =>
      client.head(reference, reference.digest ?? reference.tag ?? 'latest'),
    );
    const answers = await Promise.allSettled(heads);
    if (answers.some((answer) => answer.status === 'fulfilled' && answer.value !== undefined))
      return { status: 'found' };
    const failed = answers.find((answer) => answer.status === 'rejected');
    if (failed !== undefined) return { status: 'unknown', reason: messageOf(failed.reason) };
    return { status: 'missing', repositories: references.map(formatRepository) };
  };
  try {
    return await runStep(context.emit, `checking whether ${target.registry} has the images`, () =>
      Promise.race([awaitTimeout(), checkImages()]),
    );
  } finally {
    finished.abort();
    await client.close();
  }
}

/**
 * Returns target references of a few images, preferably of the chart, since a part of the bundle may have been pushed.
 */
async function sampleReferences({ bundle, signers, chart, target }: TargetCheckOptions): Promise<Reference[]> {
  const source = await openCheckedBundle(bundle, { signers });
  try {
    const ofChart = source
      .inventory()
      ?.images.filter(({ found }) => found.some((location) => location.chart === chart));
    const digests = new Set(ofChart?.map(({ digest }) => digest));
    const images = source.images();
    const preferred = images.filter(({ descriptor }) => digests.has(descriptor.digest));
    return (preferred.length > 0 ? preferred : images)
      .slice(0, SAMPLE_SIZE)
      .map(({ reference }) => destinationOf(target, reference));
  } finally {
    await source.close();
  }
}

/** Returns the message for the result; undefined if the images are present. */
export function targetCheckMessage(
  check: TargetCheck,
  target: Target,
): { readonly type: 'warning' | 'note'; readonly message: string } | undefined {
  if (check.status === 'found') return undefined;
  if (check.status === 'unknown') {
    return {
      type: 'note',
      message: `could not check whether the images are at ${formatTarget(target)}: ${check.reason}`,
    };
  }
  const message = `no image of the bundle was found at ${formatTarget(target)} (checked ${check.repositories.join(', ')}); push the bundle there first`;
  return { type: 'warning', message };
}
