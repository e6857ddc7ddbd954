import { basename } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { printableLine } from '../../base/printable.ts';
import { runStep } from '../../base/step.ts';
import { type Bundle, openBundle } from '../../bundle/reading/bundle.ts';
import { checkSignatures, type RequiredSigner } from '../../bundle/signing/check-signature.ts';
import { type BundleProblem, verifyBundle } from '../../bundle/verify.ts';
import { HashThread, hashThreadCount } from '../../bundle/verifying/hash-threads.ts';
import { type Missing, missingOf } from '../../inventory/missing-images.ts';
import type { NotKnown } from '../../inventory/state.ts';
import type { Context } from '../../session/context.ts';
import { type Inspection, summarize, verifiedSigners } from '../inspect/inspect.ts';

/** Result of verifying a bundle. */
export interface Verification extends Omit<Inspection, 'lock' | 'wholeTexts'> {
  /** Set if another tool packed the archive; bytes between its entries could not be checked then. */
  readonly packedByAnother?: true;
  readonly problems: readonly BundleProblem[];
  /** Images that are needed and were not found when the bundle was made; absent if there are none. */
  readonly missing?: readonly Missing[];
  /** What was not understood when the bundle was made. */
  readonly notKnown?: readonly NotKnown[];
}

/**
 * Checks every byte of a bundle, offline.
 * @param cores number of processor cores to use
 * @param signers public keys that must all have signed the bundle; their signatures are checked first
 * @throws AirgapError `signature` if it is not signed by all of `signers`, was changed since, or was repacked
 */
export async function verify(
  { emit, signal }: Context,
  file: string,
  cores: number,
  signers: readonly RequiredSigner[] = [],
): Promise<Verification> {
  const name = printableLine(basename(file));
  const source = await runStep(emit, `opening ${name}`, () => openBundle(file));
  try {
    if (signers.length > 0) {
      await runStep(emit, `checking the signature of ${name}`, async () => {
        await checkSignatures(source, signers);
        await refuseRepacked(source);
      });
    }
    const problems = await findProblems({ emit, signal }, source, cores);
    const { byOtherTool } = await source.checkPacking();
    const inventory = source.inventory();
    const missing = missingOf(inventory);
    return {
      ...(await summarize(source)),
      ...verifiedSigners(signers),
      ...(byOtherTool && { packedByAnother: true }),
      problems,
      ...(missing.length > 0 && { missing }),
      ...(inventory?.notKnown && { notKnown: inventory.notKnown }),
    };
  } finally {
    await source.close();
  }
}

/** Checks every byte of an open bundle, on several cores. @throws AirgapError `interrupted` */
export async function findProblems(
  { emit, signal }: Pick<Context, 'emit' | 'signal'>,
  bundle: Bundle,
  cores: number,
): Promise<readonly BundleProblem[]> {
  const hashers: HashThread[] = [];
  // Terminate threads on abort: waiting for one that hashes a huge blob would delay the interrupt.
  const stop = (): void => void closeAll(hashers);
  try {
    const threads = hashThreadCount(bundle.entries.values(), cores);
    for (let index = 0; index < threads; index++) hashers.push(new HashThread(bundle.fileParts));
    signal?.addEventListener('abort', stop, { once: true });
    return await verifyBundle(bundle, { hashers, emit, signal });
  } finally {
    signal?.removeEventListener('abort', stop);
    await closeAll(hashers);
  }
}

/**
 * Refuses a signed bundle that another tool has repacked. The signature covers the content, but what other programs
 * read from the archive also depends on its packing, which can be checked only for archives written by this tool.
 * @throws AirgapError `signature`
 */
async function refuseRepacked(source: Bundle): Promise<void> {
  const { byOtherTool } = await source.checkPacking();
  if (!byOtherTool) return;
  throw new AirgapError('signature', `${source.path} is signed, but another tool has repacked it`, {
    hint: 'use the original file: other programs may read different content from a repacked archive. push --require-signature reads by digest and accepts it',
  });
}

async function closeAll(hashers: readonly HashThread[]): Promise<void> {
  await Promise.all(hashers.map((hasher) => hasher.close()));
}
