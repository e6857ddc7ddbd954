import { AirgapError } from '../base/errors.ts';
import { settle } from '../base/pool.ts';
import type { Finding } from '../lock/finding.ts';
import type { Digest } from '../oci/digest.ts';
import { lookupOf, parseReference } from '../oci/reference.ts';
import type { RegistryClient } from '../registry/client.ts';
import type { Context } from './context.ts';

/** What the registry says of a reference. `unknown`: it would not tell (no access, no answer, too many requests). */
export interface Confirmation {
  readonly state: 'present' | 'absent' | 'unknown';
  /** Of the manifest or index behind it, when it is present. */
  readonly digest?: Digest;
  /** Why it is unknown. */
  readonly reason?: string;
}

/** Asks for each reference by one HEAD, which rate limits do not count. */
export async function confirm(
  client: RegistryClient,
  references: readonly string[],
  concurrency: number,
): Promise<ReadonlyMap<string, Confirmation>> {
  const answers = await settle(references, concurrency, (text) => {
    const reference = parseReference(text);
    return client.head(reference, lookupOf(reference));
  });
  return new Map(
    answers.map((answer, i): [string, Confirmation] => {
      const reference = references[i] as string;
      if ('value' in answer) {
        return [reference, answer.value ? { state: 'present', digest: answer.value.digest } : { state: 'absent' }];
      }
      if (answer.error instanceof AirgapError && answer.error.code !== 'interrupted') {
        return [reference, { state: 'unknown', reason: answer.error.message }];
      }
      throw answer.error;
    }),
  );
}

/**
 * Settles the candidates that are less than certain: what the registry has becomes certain enough to carry, what it
 * does not have is dropped, visibly. What it would not tell stays as it was.
 */
export async function settleCandidates(
  { emit }: Context,
  client: RegistryClient,
  findings: readonly Finding[],
  concurrency: number,
): Promise<Finding[]> {
  const open = findings.filter(({ confidence }) => confidence !== 'certain');
  if (open.length === 0) return [...findings];
  emit({ type: 'stage', message: `asking registries for ${open.length} candidates` });
  const answers = await confirm(
    client,
    open.map(({ reference }) => reference),
    concurrency,
  );
  return findings.flatMap((finding) => {
    const answer = answers.get(finding.reference);
    if (answer === undefined) return [finding];
    if (answer.state === 'present')
      return [{ ...finding, confidence: finding.confidence === 'possible' ? 'likely' : finding.confidence }];
    if (answer.state === 'unknown') return [finding];
    const [place] = finding.found;
    const where = place === undefined ? '' : ` (${place.chart}: ${place.kind}/${place.name} ${place.path})`;
    emit({
      type: 'warning',
      message: `${finding.reference} is left out: it is only ${finding.confidence}, and no registry has it${where}`,
    });
    return [];
  });
}

/** Tags that point to something else tomorrow. */
const MOVING = /^(?:latest|main|master|edge|nightly|dev|develop|stable|canary|snapshot)$/i;

/** References whose tag moves: another run of the same command may carry other images. */
export function movingTags(references: readonly string[]): string[] {
  return references.filter((text) => {
    const { tag, digest } = parseReference(text);
    return digest === undefined && tag !== undefined && MOVING.test(tag);
  });
}
