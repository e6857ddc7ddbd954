import { count } from '../../base/count.ts';
import { AirgapError, combine } from '../../base/errors.ts';
import type { Finding } from '../../inventory/finding.ts';
import type { Digest } from '../../oci/digest.ts';
import { parseReference } from '../../oci/reference.ts';
import type { RegistryClient } from '../../registry/client.ts';
import { wrapError } from '../../transfer/wrap-error.ts';
import { type ConfirmFindingsOptions, headManifests, sourcesText } from './confirm.ts';

/** Digests of references, as reported by their registries. */
export interface ResolvedDigests {
  /** Digests by reference, without missing references and unreachable registries. */
  readonly digests: ReadonlyMap<string, Digest>;
  /** References that do not exist in their registries. */
  readonly missing: ReadonlySet<string>;
}

/** Errors of unreachable or failing registries; the user can fix all others. */
const UNREACHABLE: ReadonlySet<string> = new Set(['network', 'registry']);

/**
 * Resolves the digest of each reference with a HEAD request. Warns of unreachable registries, naming the references
 * that remain without a digest.
 * @param references full references
 * @throws AirgapError `unauthorized`, `forbidden`, `unsupported`, `digest-mismatch`, all of them together
 */
export async function resolveDigests(
  client: Pick<RegistryClient, 'head'>,
  references: readonly string[],
  { concurrency, emit, signal }: ConfirmFindingsOptions,
): Promise<ResolvedDigests> {
  if (references.length > 0)
    emit({
      type: 'stage',
      message: `resolving the digests of ${count(references.length, 'image')}`,
    });
  const outcomes = await headManifests(client, references.map(parseReference), concurrency, signal);
  const digests = new Map<string, Digest>();
  const missing = new Set<string>();
  const unreachable = new Map<string, { readonly names: string[]; readonly reason: string }>();
  const errors: AirgapError[] = [];
  for (const [i, outcome] of outcomes.entries()) {
    const text = references[i] as string;
    if ('error' in outcome) {
      const error = wrapError(text, outcome.error);
      if (!UNREACHABLE.has(error.code)) errors.push(error);
      else {
        const { registry } = parseReference(text);
        const known = unreachable.get(registry) ?? { names: [], reason: error.message };
        unreachable.set(registry, { ...known, names: [...known.names, text] });
      }
    } else if (outcome.value === undefined) missing.add(text);
    else digests.set(text, outcome.value.digest);
  }
  if (errors.length > 0) throw combine(errors, `the digests of ${errors.length} images could not be resolved`);
  for (const [registry, { names, reason }] of unreachable) {
    const message = `${registry} did not respond, so the digests of ${names.join(', ')} are unknown (${reason})`;
    emit({ type: 'warning', message });
  }
  return { digests, missing };
}

/** Returns the error for required images that do not exist in their registries. `findings` must not be empty. */
export function missingImages(findings: readonly Finding[]): AirgapError {
  const errors = findings.map(
    ({ reference, found }) =>
      new AirgapError('image-not-found', `${reference}, ${sourcesText(found)}: not found in its registry (404)`, {
        hint: 'check the name and tag, leave it out with --exclude, or configure another location with --mirror',
      }),
  );
  return combine(errors, `${errors.length} images were not found in their registries`);
}
