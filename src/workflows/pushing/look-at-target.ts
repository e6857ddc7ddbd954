import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../base/errors.ts';
import { silent } from '../../base/events.ts';
import { type OpenOptions, openForUse } from '../../bundle/open.ts';
import { formatTarget, type Target } from '../../oci/naming.ts';
import { formatRepository, type Reference } from '../../oci/reference.ts';
import type { Context } from '../context.ts';
import { connect, type RegistryAccess } from '../registry.ts';
import { placeOf } from './places.ts';

/** Result of checking for a sample of a bundle's images in the target. */
export type Look =
  | { readonly says: 'found' }
  /** None of the sampled images exists. */
  | { readonly says: 'missing'; readonly asked: readonly string[] }
  /** The target cannot be reached, or does not answer the question. */
  | { readonly says: 'unknown'; readonly why: string };

export interface LookOptions extends Pick<OpenOptions, 'signer'> {
  readonly bundle: string;
  readonly target: Target;
  readonly access: RegistryAccess;
  /** Chart whose images are sampled first. */
  readonly chart: string | undefined;
  /** Milliseconds for the whole check. */
  readonly limit: number;
}

/** Number of images that are checked. */
const FEW = 3;

/**
 * Checks whether the target has images of a bundle under the names that push gives them: one HEAD request for each of a
 * few images, without retries. No other hosts are contacted, except for credentials.
 * @throws AirgapError `bundle-invalid`, `signature`, `file` of the bundle
 */
export async function lookAtTarget(context: Context, options: LookOptions): Promise<Look> {
  const { target, limit } = options;
  const enough = new AbortController();
  const signal = context.signal === undefined ? enough.signal : AbortSignal.any([enough.signal, context.signal]);
  const names = await namesOf(options);
  if (names.length === 0) return { says: 'unknown', why: 'the bundle has no images' };
  const { client } = connect({ ...context, emit: silent, signal }, options.access, signal);
  const late = async (): Promise<Look> => {
    await sleep(limit, undefined, { signal });
    return { says: 'unknown', why: `${target.registry} did not answer within ${limit / 1000} seconds` };
  };
  const asked = async (): Promise<Look> => {
    const heads = names.map(async (name) => client.head(name, name.digest ?? name.tag ?? 'latest'));
    const answers = await Promise.allSettled(heads);
    if (answers.some((answer) => answer.status === 'fulfilled' && answer.value !== undefined)) return { says: 'found' };
    const failed = answers.find((answer) => answer.status === 'rejected');
    if (failed !== undefined) return { says: 'unknown', why: messageOf(failed.reason) };
    return { says: 'missing', asked: names.map(formatRepository) };
  };
  try {
    return await Promise.race([late(), asked()]);
  } finally {
    enough.abort();
    await client.close();
  }
}

/**
 * Returns target references of a few images, preferably of the chart, since a part of the bundle may have been pushed.
 */
async function namesOf({ bundle, signer, chart, target }: LookOptions): Promise<Reference[]> {
  const source = await openForUse(bundle, { signer });
  try {
    const found = source.lock()?.images.filter(({ found: all }) => all.some((place) => place.chart === chart)) ?? [];
    const own = new Set(found.map(({ digest }) => digest));
    const images = source.images();
    const first = images.filter(({ descriptor }) => own.has(descriptor.digest));
    return (first.length > 0 ? first : images).slice(0, FEW).map(({ reference }) => placeOf(target, reference));
  } finally {
    await source.close();
  }
}

/** Returns the message for the result; undefined if the images are present. */
export function lookText(
  look: Look,
  target: Target,
): { readonly type: 'warning' | 'stage'; readonly message: string } | undefined {
  if (look.says === 'found') return undefined;
  if (look.says === 'unknown') {
    return {
      type: 'stage',
      message: `could not check whether the images are at ${formatTarget(target)}: ${look.why}`,
    };
  }
  const message = `no image of the bundle was found at ${formatTarget(target)} (checked ${look.asked.join(', ')}); push the bundle there first`;
  return { type: 'warning', message };
}
