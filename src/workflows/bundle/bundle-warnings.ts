import { count, firstOf } from '../../base/count.ts';
import { AirgapError, combine } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import type { NetworkNeed } from '../../discovery/network/index.ts';
import type { SelectionRecord } from '../../inventory/selection-record.ts';
import type { Graph } from '../../oci/graph.ts';
import { formatRepository, parseReference } from '../../oci/reference.ts';
import { referenceMatcher } from '../../oci/reference-matcher.ts';
import type { Referrer } from '../../oci/referrer.ts';
import type { EquivalentUse } from '../../registry/equivalents.ts';
import type { IncompleteReferrers } from '../../transfer/referrers/requests.ts';

/** Tags that usually move. */
const MUTABLE_TAG = /^(?:latest|main|master|edge|nightly|dev|develop|stable|canary|snapshot)$/i;

/** Warns of tags that move and of network access that a bundle cannot cover. */
export function warnTagsAndNetwork(emit: Emit, network: readonly NetworkNeed[], references: readonly string[]): void {
  const mutable = references.filter((text) => {
    const { tag, digest } = parseReference(text);
    return digest === undefined && tag !== undefined && MUTABLE_TAG.test(tag);
  });
  if (mutable.length > 0) {
    const message = `tags that move, so that another run may bundle other images: ${mutable.join(', ')}`;
    emit({ type: 'warning', message });
  }
  if (network.length > 0) {
    const urls = network.map(({ url }) => url);
    const message = `workloads also fetch from the internet: ${firstOf(urls, 3)}; see helm airgap images --network`;
    emit({ type: 'warning', message });
  }
}

/** Says how many images were read from Public ECR, and which were not. */
export function noteEquivalents(emit: Emit, { used, different, absent }: EquivalentUse): void {
  const all = used.length + different.length + absent.length;
  if (all === 0) return;
  const others = [
    ...(different.length === 0 ? [] : [`; another digest there: ${firstOf(different, 3)}`]),
    ...(absent.length === 0 ? [] : [`; not available there: ${firstOf(absent, 3)}`]),
  ];
  const message = `read from Public ECR: ${used.length} of ${count(all, 'image')} with an equivalent there${others.join('')}`;
  emit({ type: 'note', message });
}

/** Warns of referrers that do not cover an index after the platform selection reduced it. */
export function warnLeftOutReferrers(emit: Emit, leftOut: readonly Referrer[]): void {
  if (leftOut.length === 0) return;
  const names = [...new Set(leftOut.map(({ repository, subject }) => `${formatRepository(repository)}@${subject}`))];
  const indexes = count(names.length, 'index', 'indexes');
  const message = `signatures and attestations of ${indexes} are not pushed, because --platform changes the digest: ${names.join(', ')}; to keep them, omit --platform or pin the image by digest`;
  emit({ type: 'warning', message });
}

/** Images of a registry whose referrers could not all be read, and the reason. */
export interface IncompleteReferrersReport extends Pick<IncompleteReferrers, 'registry' | 'images'> {
  readonly reason: string;
}

/**
 * Warns of registries whose referrers could not all be read, naming the images.
 * @returns the same as a field of the result; empty if all referrers are known
 * @throws AirgapError instead of the warnings if referrers are `required`: `several`, or the error of a single registry
 */
export function reportIncompleteReferrers(
  emit: Emit,
  incomplete: readonly IncompleteReferrers[],
  required: boolean,
): { readonly unanswered?: readonly IncompleteReferrersReport[] } {
  const errors = incomplete.map(({ registry, images, error }) => {
    const affected = count(images.length, 'image');
    const message = `cannot list or read all signatures and attestations of ${affected} in ${registry}, so the missing ones are not bundled: ${images.join(', ')}; first error: ${error.message}`;
    const hint = error.hint ?? 'run the command again, or leave out signatures and attestations with --no-referrers';
    return new AirgapError(error.code, message, { hint, causes: error.causes, cause: error });
  });
  if (required && errors.length > 0) {
    throw combine(errors, `cannot read all signatures and attestations from ${errors.length} registries`);
  }
  for (const { message } of errors) {
    emit({ type: 'warning', message: `${message}; --require-referrers turns this into an error` });
  }
  if (errors.length === 0) return {};
  return {
    unanswered: incomplete.map(({ registry, images, error }) => ({ registry, images, reason: error.message })),
  };
}

/** Reports foreign layers, such as those of Windows base images, whose content registries need not have. */
export function reportForeignLayers(emit: Emit, { blobs }: Pick<Graph, 'blobs'>): void {
  const foreign = [...blobs.values()].filter(({ descriptor: { urls = [] } }) => urls.length > 0);
  if (foreign.length === 0) return;
  const addresses = foreign.flatMap(({ descriptor: { urls = [] } }) => urls.filter((url) => URL.canParse(url)));
  const hosts = [...new Set(addresses.map((url) => new URL(url).host))].sort().join(', ');
  const message = `${count(foreign.length, 'foreign layer')}: content that the registry lacks is fetched from ${hosts}, without credentials`;
  emit({ type: 'note', message });
}

/**
 * Warns of images that configs of listed images refer to. They are not bundled, because the list is authoritative.
 * @param list what they are missing from, as in `the lock file`
 * @param unlisted the image whose config refers to each, by reference
 */
export function warnUnlisted(
  emit: Emit,
  list: string,
  choices: readonly SelectionRecord[],
  unlisted: ReadonlyMap<string, string>,
): void {
  const excluded = choices.flatMap(({ rule, pattern }) =>
    rule === 'exclude' && pattern !== undefined ? [referenceMatcher(pattern)] : [],
  );
  const names = [...unlisted].filter(([reference]) => !excluded.some((matches) => matches(reference)));
  if (names.length === 0) return;
  const shown = names.map(([reference, image]) => `${reference} (by ${image})`).join(', ');
  const message = `image configs refer to images that are not in ${list} and are not bundled: ${shown}; add them with --image`;
  emit({ type: 'warning', message });
}
