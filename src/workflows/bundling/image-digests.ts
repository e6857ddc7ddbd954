import { AirgapError, combine } from '../../base/errors.ts';
import type { Finding } from '../../lock/finding.ts';
import type { Digest } from '../../oci/digest.ts';
import { parseReference } from '../../oci/reference.ts';
import type { RegistryClient } from '../../registry/client.ts';
import { failureOf } from '../../transfer/failure.ts';
import { type AskOptions, heads, wantedBy } from '../confirm.ts';

/** What registries say of references. */
export interface AskedDigests {
  /** By reference; without those that are missing and those that nobody could be asked for. */
  readonly digests: ReadonlyMap<string, Digest>;
  /** References that their registries do not have. */
  readonly missing: ReadonlySet<string>;
}

/** The registry is out of reach, or in trouble; what else it may answer is somebody's to put right. */
const UNREACHED: ReadonlySet<string> = new Set(['network', 'registry']);

/**
 * Asks the registries for the digest of each reference, without fetching anything (HEAD). Registries that give no
 * answer are warned about, with all references that have no digest for that.
 * @param references full references
 * @throws AirgapError `unauthorized`, `forbidden`, `unsupported`, `digest-mismatch`, all of them together
 */
export async function askDigests(
  client: Pick<RegistryClient, 'head'>,
  references: readonly string[],
  { concurrency, emit, signal }: AskOptions,
): Promise<AskedDigests> {
  if (references.length > 0) emit({ type: 'stage', message: `asking for the digests of ${references.length} images` });
  const outcomes = await heads(client, references.map(parseReference), concurrency, signal);
  const digests = new Map<string, Digest>();
  const missing = new Set<string>();
  const unreached = new Map<string, { readonly names: string[]; readonly reason: string }>();
  const errors: AirgapError[] = [];
  for (const [i, outcome] of outcomes.entries()) {
    const text = references[i] as string;
    if ('error' in outcome) {
      const error = failureOf(text, outcome.error);
      if (!UNREACHED.has(error.code)) errors.push(error);
      else {
        const { registry } = parseReference(text);
        const there = unreached.get(registry) ?? { names: [], reason: error.message };
        unreached.set(registry, { ...there, names: [...there.names, text] });
      }
    } else if (outcome.value === undefined) missing.add(text);
    else digests.set(text, outcome.value.digest);
  }
  if (errors.length > 0) throw combine(errors, `${errors.length} images could not be asked for`);
  for (const [registry, { names, reason }] of unreached) {
    const message = `${registry} could not be asked, so there is no digest of ${names.join(', ')} (${reason})`;
    emit({ type: 'warning', message });
  }
  return { digests, missing };
}

/** The error for images that are wanted and that their registries do not have; `findings` is not empty. */
export function missingImages(findings: readonly Finding[]): AirgapError {
  const errors = findings.map(
    ({ reference, found }) =>
      new AirgapError('image-not-found', `${reference}, ${wantedBy(found)}: its registry does not have it (404)`, {
        hint: 'check the name and the tag, leave it out with --exclude, or name another place for it with --mirror',
      }),
  );
  return combine(errors, `${errors.length} images are not at their registries`);
}
