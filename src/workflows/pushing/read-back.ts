import { setTimeout as sleep } from 'node:timers/promises';
import { AirgapError } from '../../base/errors.ts';
import { settle } from '../../base/pool.ts';
import type { Sink } from '../../oci/content.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatReference, formatRepository } from '../../oci/reference.ts';
import type { CopyOutcome } from '../../transfer/copy.ts';
import { failureOf } from '../../transfer/failure.ts';

/** Times that a tag is asked for until it is what was sent: one answer may be damaged, or an instance behind the others. */
const TRIES = 3;
/** Milliseconds between two of them. */
const PAUSE = 500;

/**
 * Asks for every tag that was sent, and compares. What was present has just been seen, and is not asked for.
 * @param pause milliseconds before a tag is asked for again
 * @returns a `digest-mismatch` for each that is not what was sent, and why others could not be asked for
 */
export async function readBack(
  sink: Pick<Sink, 'hasManifest'>,
  outcomes: readonly CopyOutcome[],
  concurrency: number,
  pause = PAUSE,
): Promise<readonly AirgapError[]> {
  const sent = outcomes.filter(({ status }) => status === 'pushed');
  const answers = await settle(sent, concurrency, (outcome) => ask(sink, outcome, pause));
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

async function ask(
  sink: Pick<Sink, 'hasManifest'>,
  { target, digest }: CopyOutcome,
  pause: number,
): Promise<Digest | undefined> {
  for (let attempt = 1; ; attempt++) {
    const found = await sink.hasManifest(target, target.tag ?? digest);
    if (found === digest || attempt === TRIES) return found;
    await sleep(pause);
  }
}
