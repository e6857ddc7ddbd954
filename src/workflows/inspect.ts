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

/** Content of a bundle. */
export interface Inspection {
  readonly file: string;
  /** Size in bytes. */
  readonly size: number;
  readonly blobs: number;
  /** Number of parts; undefined for a single file. */
  readonly parts?: number;
  readonly charts: readonly { readonly name: string; readonly version: string; readonly digest: Digest }[];
  readonly images: readonly { readonly reference: string; readonly digest: Digest }[];
  /** Digest of the inventory's manifest, by which deltas refer to this bundle. */
  readonly lockDigest?: Digest;
  /** Unverified claims of its signatures; `verify` with the key checks them. */
  readonly signatures?: readonly Claim[];
  /** Fingerprint of the key with which the signature was verified. */
  readonly signedBy?: Digest;
  /** Set for a bundle that omits content of an older one. */
  readonly delta?: Delta;
  /** Inventory of the bundle; undefined for another tool's archive. */
  readonly lock: Lock | undefined;
  /** Values stored with their full text, which may include secrets; written by older versions of helm airgap. */
  readonly wholeTexts?: readonly { readonly chart: string; readonly path: string }[];
}

/**
 * Returns the content of a bundle.
 * @param key public key that must have signed it
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
 * Exports the inventory of a bundle, for use in place of the bundle with `--since` and `diff`.
 * @throws AirgapError `bundle-invalid` if it is damaged, or another tool's archive
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
  // Unreadable signatures are skipped here; verify reports them.
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

/** Result of verifying a bundle. */
export interface Verification extends Omit<Inspection, 'lock' | 'wholeTexts'> {
  /** Set if another tool packed the archive; bytes between its entries could not be checked then. */
  readonly packedByAnother?: true;
  readonly problems: readonly Problem[];
}

/**
 * Checks every byte of a bundle, offline.
 * @param cores number of processor cores to use
 * @param key public key that must have signed the bundle; the signature is checked first
 * @throws AirgapError `signature` if it is not signed by the key, was changed since, or was repacked
 */
export async function verify(
  { emit, signal }: Context,
  file: string,
  cores: number,
  key?: SigningKey['publicKey'],
): Promise<Verification> {
  const source = await openBundle(file);
  const hashers: HashThread[] = [];
  // Terminate threads on abort: waiting for one that hashes a huge blob would delay the interrupt.
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
 * Refuses a signed bundle that another tool has repacked. The signature covers the content, but what other programs
 * read from the archive also depends on its packing, which can be checked only for archives written by this tool.
 * @throws AirgapError `signature`
 */
async function refusePacked(source: Bundle): Promise<void> {
  const { byAnother } = await source.packing();
  if (!byAnother) return;
  throw new AirgapError('signature', `${source.path} is signed by this key, but another tool has repacked it`, {
    hint: 'use the original file: other programs may read different content from a repacked archive. push --require-signature reads by digest and accepts it',
  });
}

async function closeAll(hashers: readonly HashThread[]): Promise<void> {
  await Promise.all(hashers.map((hasher) => hasher.close()));
}
