import { AirgapError } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import { type PollOptions, pollUntil } from '../../base/poll-until.ts';
import { settle } from '../../base/pool.ts';
import { runStep } from '../../base/step.ts';
import type { Sink } from '../../oci/content.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatReference } from '../../oci/reference.ts';
import type { CopyOutcome } from '../../transfer/copy.ts';
import { wrapError } from '../../transfer/wrap-error.ts';

export interface ReadBackOptions {
  readonly concurrency: number;
  readonly emit: Emit;
  /** How often a tag is read until it has the expected digest. */
  readonly poll?: PollOptions;
}

/**
 * Reads back the digest of every pushed tag. Tags that were already present are not read again.
 * @returns a `digest-mismatch` for each tag with another digest, and the errors of tags that could not be read
 */
export async function readBack(
  sink: Pick<Sink, 'hasManifest'>,
  outcomes: readonly CopyOutcome[],
  { concurrency, emit, poll }: ReadBackOptions,
): Promise<readonly AirgapError[]> {
  const sent = outcomes.filter(({ status }) => status === 'pushed');
  const read = ({ target, digest }: CopyOutcome): Promise<Digest | undefined> =>
    pollUntil(
      () => sink.hasManifest(target, target.tag ?? digest),
      (found) => found === digest,
      poll,
    );
  const answers = await runStep(
    emit,
    'reading back the pushed tags',
    (advance) => settle(sent, concurrency, (outcome) => read(outcome).finally(advance)),
    sent.length,
  );
  return answers.flatMap((answer, index) => {
    const { target, digest } = sent[index] as CopyOutcome;
    const name = formatReference(target);
    if (!('value' in answer)) {
      const error = wrapError(name, answer.error);
      return [error.with({ reason: `it was pushed but could not be verified: ${error.reason}` })];
    }
    if (answer.value === digest) return [];
    return [
      new AirgapError('digest-mismatch', 'it was pushed but reads back as something else', {
        subject: name,
        detail: answer.value ?? 'nothing',
        hint: 'another client writes to this repository, or the registry lost it; push again',
      }),
    ];
  });
}
