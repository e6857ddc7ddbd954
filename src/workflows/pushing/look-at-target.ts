import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../base/errors.ts';
import { silent } from '../../base/events.ts';
import { type OpenOptions, openForUse } from '../../bundle/open.ts';
import { formatTarget, type Target } from '../../oci/naming.ts';
import { formatRepository, type Reference } from '../../oci/reference.ts';
import type { Context } from '../context.ts';
import { connect, type RegistryAccess } from '../registry.ts';
import { placeOf } from './places.ts';

/** What a target says of the images of a bundle, asked for a few of them. */
export type Look =
  | { readonly says: 'there' }
  /** It has none of them. */
  | { readonly says: 'nothing'; readonly asked: readonly string[] }
  /** It cannot be asked from here, or does not tell. */
  | { readonly says: 'unknown'; readonly why: string };

export interface LookOptions extends Pick<OpenOptions, 'signer'> {
  readonly bundle: string;
  readonly target: Target;
  readonly access: RegistryAccess;
  /** The chart whose images are asked for first. */
  readonly chart: string | undefined;
  /** Milliseconds for all of it. */
  readonly limit: number;
}

/** As many images are asked for. */
const FEW = 3;

/**
 * Asks the target whether it has images of a bundle under the names that push gives them: one HEAD for each of a few, each
 * once, and nothing is asked of any other host but those that give credentials.
 * @throws AirgapError `bundle-invalid`, `signature`, `file` of the bundle
 */
export async function lookAtTarget(context: Context, options: LookOptions): Promise<Look> {
  const { target, limit } = options;
  const enough = new AbortController();
  const signal = context.signal === undefined ? enough.signal : AbortSignal.any([enough.signal, context.signal]);
  const names = await namesOf(options);
  if (names.length === 0) return { says: 'unknown', why: 'the bundle holds no image' };
  const { client } = connect({ ...context, emit: silent, signal }, options.access, signal);
  const late = async (): Promise<Look> => {
    await sleep(limit, undefined, { signal });
    return { says: 'unknown', why: `${target.registry} did not answer within ${limit / 1000} seconds` };
  };
  const asked = async (): Promise<Look> => {
    const heads = names.map(async (name) => client.head(name, name.digest ?? name.tag ?? 'latest'));
    const answers = await Promise.allSettled(heads);
    if (answers.some((answer) => answer.status === 'fulfilled' && answer.value !== undefined)) return { says: 'there' };
    const failed = answers.find((answer) => answer.status === 'rejected');
    if (failed !== undefined) return { says: 'unknown', why: messageOf(failed.reason) };
    return { says: 'nothing', asked: names.map(formatRepository) };
  };
  try {
    return await Promise.race([late(), asked()]);
  } finally {
    enough.abort();
    await client.close();
  }
}

/** Those of the chart first, since not everything need have been pushed. */
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

/** What is to be told of it; nothing where the images are there. */
export function lookText(
  look: Look,
  target: Target,
): { readonly type: 'warning' | 'stage'; readonly message: string } | undefined {
  if (look.says === 'there') return undefined;
  if (look.says === 'unknown') {
    return {
      type: 'stage',
      message: `nobody has looked whether the images are at ${formatTarget(target)}: ${look.why}`,
    };
  }
  const message = `nothing of the bundle is at ${formatTarget(target)} (${look.asked.join(', ')}): has it been pushed there?`;
  return { type: 'warning', message };
}
