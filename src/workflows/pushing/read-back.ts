import { AirgapError } from '../../base/errors.ts';
import { settle } from '../../base/pool.ts';
import type { Sink } from '../../oci/content.ts';
import { formatReference, formatRepository } from '../../oci/reference.ts';
import { type AskUntilOptions, askUntil } from '../../transfer/ask-until.ts';
import type { CopyOutcome } from '../../transfer/copy.ts';
import { failureOf } from '../../transfer/failure.ts';

/**
 * Asks for every tag that was sent, and compares. What was present has just been seen, and is not asked for.
 * @param options how often a tag is asked for until it is what was sent
 * @returns a `digest-mismatch` for each that is not what was sent, and why others could not be asked for
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
    if (!('value' in answer)) return [failureOf(`${name} was pushed, and could not be asked for`, answer.error)];
    if (answer.value === digest) return [];
    return [
      new AirgapError('digest-mismatch', `${name} was pushed and reads back as ${answer.value ?? 'nothing'}`, {
        hint: `something else writes to ${formatRepository(target)}, or the registry lost it; push again`,
      }),
    ];
  });
}
