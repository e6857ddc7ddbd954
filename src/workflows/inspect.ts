import { AirgapError } from '../base/errors.ts';
import { openForUse } from '../bundle/open.ts';
import { type Bundle, openBundle } from '../bundle/read.ts';
import { checkSignature } from '../bundle/signing/check-signature.ts';
import { type Claim, claimOf, readSignatures } from '../bundle/signing/signature.ts';
import { type Problem, verifyBundle } from '../bundle/verify.ts';
import { formatPath } from '../influence/leaves.ts';
import { type Delta, deltaOf } from '../lock/delta.ts';
import type { ExportedLock } from '../lock/exported.ts';
import type { Lock } from '../lock/lock.ts';
import { wholeTexts } from '../lock/recipe.ts';
import type { Digest } from '../oci/digest.ts';
import { formatReference } from '../oci/reference.ts';
import { fingerprintOf, type SigningKey } from '../oci/signing-key.ts';
import { exportedLock } from './bundling/exported-lock.ts';
import type { Context } from './context.ts';
import { HashThread, worthwhileThreads } from './verifying/hash-threads.ts';

export interface Inspection {
  readonly file: string;
  /** Bytes of the file. */
  readonly size: number;
  readonly blobs: number;
  /** How many parts it is split into; undefined for a single file. */
  readonly parts?: number;
  readonly charts: readonly { readonly name: string; readonly version: string; readonly digest: Digest }[];
  readonly images: readonly { readonly reference: string; readonly digest: Digest }[];
  /** Of the lock's manifest: the name by which a delta calls this bundle. */
  readonly lockDigest?: Digest;
  /** What its signatures say of themselves; `verify` with the key says whether that is true. */
  readonly signatures?: readonly Claim[];
  /** Fingerprint of the key that it was checked with. */
  readonly signedBy?: Digest;
  /** Of a bundle that leaves out what an older one has. */
  readonly delta?: Delta;
  /** What it holds and why; undefined when another tool wrote the archive. */
  readonly lock: Lock | undefined;
  /** Values whose whole texts are in the lock, secrets in them included: an older helm airgap wrote it. */
  readonly wholeTexts?: readonly { readonly chart: string; readonly path: string }[];
}

/**
 * What is in a bundle.
 * @param key that has to have signed it
 * @throws AirgapError `bundle-invalid`; `signature`
 */
export async function inspect(file: string, key?: SigningKey['publicKey']): Promise<Inspection> {
  const source = await openForUse(file, { signer: key });
  try {
    const lock = source.lock();
    const texts = lock === undefined ? [] : textsIn(lock);
    const signedBy = key && { signedBy: fingerprintOf(key) };
    return { ...(await summaryOf(source)), ...signedBy, ...(texts.length === 0 ? {} : { wholeTexts: texts }), lock };
  } finally {
    await source.close();
  }
}

/**
 * The lock of a bundle as a file that stands for it, for `--since` and `diff`.
 * @throws AirgapError `bundle-invalid` when it is damaged, or another tool's archive
 */
export async function inspectLock(
  file: string,
  concurrency: number,
  key?: SigningKey['publicKey'],
): Promise<ExportedLock> {
  const source = await openForUse(file, { signer: key });
  try {
    return await exportedLock(source, concurrency);
  } finally {
    await source.close();
  }
}

function textsIn({ charts }: Lock): NonNullable<Inspection['wholeTexts']> {
  const all = charts.flatMap(({ name, version, profiles }) =>
    profiles.flatMap(({ recipes = [] }) =>
      recipes.flatMap(wholeTexts).map((path) => ({ chart: `${name} ${version}`, path: formatPath(path) })),
    ),
  );
  return [...new Map(all.map((text) => [`${text.chart} ${text.path}`, text])).values()];
}

async function summaryOf(source: Bundle): Promise<Omit<Inspection, 'lock' | 'wholeTexts'>> {
  const lock = source.lock();
  const { lockDigest } = source;
  const delta = lock && deltaOf(lock);
  // One that cannot be read says nothing; verify says why.
  const signatures = (await readSignatures(source).catch(() => [])).flatMap((signature) => claimOf(signature) ?? []);
  return {
    file: source.path,
    size: source.size,
    blobs: source.entries.size,
    ...(source.parts.length === 0 ? {} : { parts: source.parts.length }),
    charts: source.charts().map(({ name, version, descriptor }) => ({ name, version, digest: descriptor.digest })),
    images: source.images().map(({ reference, descriptor }) => ({
      reference: formatReference(reference),
      digest: descriptor.digest,
    })),
    ...(lockDigest === undefined ? {} : { lockDigest }),
    ...(signatures.length === 0 ? {} : { signatures }),
    ...(delta === undefined ? {} : { delta }),
  };
}

export interface Verification extends Omit<Inspection, 'lock' | 'wholeTexts'> {
  /** Another tool packed the archive: what lies between its contents could not be checked. */
  readonly packedByAnother?: true;
  readonly problems: readonly Problem[];
}

/**
 * Re-checks every byte of a bundle, offline.
 * @param cores that may be used
 * @param key that has to have signed it: then that is checked before anything else
 * @throws AirgapError `signature` when it is not signed by that key, not as it was signed, or packed again since
 */
export async function verify(
  { emit, signal }: Context,
  file: string,
  cores: number,
  key?: SigningKey['publicKey'],
): Promise<Verification> {
  const source = await openBundle(file);
  const hashers: HashThread[] = [];
  // Waiting for a thread that hashes a huge blob would not be stopping.
  const stop = (): void => void closeAll(hashers);
  try {
    if (key !== undefined) {
      await checkSignature(source, key);
      await refusePacked(source);
    }
    const threads = worthwhileThreads(source.entries.values(), cores);
    for (let at = 0; at < threads; at++) hashers.push(new HashThread(source.places));
    signal?.addEventListener('abort', stop, { once: true });
    const problems = await verifyBundle(source, { hashers, emit, signal });
    const { byAnother } = await source.packing();
    return {
      ...(await summaryOf(source)),
      ...(key && { signedBy: fingerprintOf(key) }),
      ...(byAnother && { packedByAnother: true }),
      problems,
    };
  } finally {
    signal?.removeEventListener('abort', stop);
    await closeAll(hashers);
    await source.close();
  }
}

/**
 * A signature is over the content, and what other programs take out of an archive goes by how it is packed as well. That can
 * be compared where this tool packed it.
 * @throws AirgapError `signature`
 */
async function refusePacked(source: Bundle): Promise<void> {
  const { byAnother } = await source.packing();
  if (!byAnother) return;
  throw new AirgapError('signature', `${source.path} has that signature, and another tool has packed it again`, {
    hint: 'what other programs read out of it is not known: use the file that bundle wrote. push --require-signature goes by digests alone, and takes it',
  });
}

async function closeAll(hashers: readonly HashThread[]): Promise<void> {
  await Promise.all(hashers.map((hasher) => hasher.close()));
}
