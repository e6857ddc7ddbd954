import { AirgapError } from '../../base/errors.ts';
import { type PollOptions, pollUntil } from '../../base/poll-until.ts';
import { settle } from '../../base/pool.ts';
import type { Sink } from '../../oci/content.ts';
import { formatReference, formatRepository } from '../../oci/reference.ts';
import type { CopyOutcome } from '../../transfer/copy.ts';
import { wrapError } from '../../transfer/wrap-error.ts';

/**
 * Reads back the digest of every pushed tag. Tags that were already present are not read again.
 * @param options how often a tag is read until it has the expected digest
 * @returns a `digest-mismatch` for each tag with another digest, and the errors of tags that could not be read
 */
export async function readBack(
  sink: Pick<Sink, 'hasManifest'>,
  outcomes: readonly CopyOutcome[],
  concurrency: number,
  options?: PollOptions,
): Promise<readonly AirgapError[]> {
  const sent = outcomes.filter(({ status }) => status === 'pushed');
  const answers = await settle(sent, concurrency, ({ target, digest }) =>
    pollUntil(
      () => sink.hasManifest(target, target.tag ?? digest),
      (found) => found === digest,
      options,
    ),
  );
  return answers.flatMap((answer, index) => {
    const { target, digest } = sent[index] as CopyOutcome;
    const name = formatReference(target);
    if (!('value' in answer)) return [wrapError(`${name} was pushed but could not be verified`, answer.error)];
    if (answer.value === digest) return [];
    return [
      new AirgapError('digest-mismatch', `${name} was pushed but reads back as ${answer.value ?? 'nothing'}`, {
        hint: `another client writes to ${formatRepository(target)}, or the registry lost it; push again`,
      }),
    ];
  });
}
