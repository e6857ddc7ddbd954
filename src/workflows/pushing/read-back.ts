import { AirgapError } from '../../base/errors.ts';
import { settle } from '../../base/pool.ts';
import type { Sink } from '../../oci/content.ts';
import { formatReference, formatRepository } from '../../oci/reference.ts';
import { type AskUntilOptions, askUntil } from '../../transfer/ask-until.ts';
import type { CopyOutcome } from '../../transfer/copy.ts';
import { failureOf } from '../../transfer/failure.ts';

/**
 * Reads back the digest of every pushed tag. Tags that were already present are not read again.
 * @param options how often a tag is read until it has the expected digest
 * @returns a `digest-mismatch` for each tag with another digest, and the errors of tags that could not be read
 */
export async function readBack(
  sink: Pick<Sink, 'hasManifest'>,
  outcomes: readonly CopyOutcome[],
  concurrency: number,
  options?: AskUntilOptions,
): Promise<readonly AirgapError[]> {
  const sent = outcomes.filter(({ status }) => status === 'pushed');
  const answers = await settle(sent, concurrency, ({ target, digest }) =>
    askUntil(
      () => sink.hasManifest(target, target.tag ?? digest),
      (found) => found === digest,
      options,
    ),
  );
  return answers.flatMap((answer, i) => {
    const { target, digest } = sent[i] as CopyOutcome;
    const name = formatReference(target);
    if (!('value' in answer)) return [failureOf(`${name} was pushed but could not be verified`, answer.error)];
    if (answer.value === digest) return [];
    return [
      new AirgapError('digest-mismatch', `${name} was pushed but reads back as ${answer.value ?? 'nothing'}`, {
        hint: `another client writes to ${formatRepository(target)}, or the registry lost it; push again`,
      }),
    ];
  });
}
