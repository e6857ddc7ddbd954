import { realpath, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { fileFailure } from '../../base/file-failure.ts';
import { checkFolder } from '../../base/output-file.ts';
import { printableLine } from '../../base/printable.ts';
import { withRunLock } from '../../base/run-lock.ts';
import { runStep } from '../../base/step.ts';
import { bundleName } from '../../bundle/files/split-index.ts';
import { type OpenOptions, openCheckedBundle } from '../../bundle/open.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import { type SignResult, signBundle } from '../../bundle/sign.ts';
import type { SigningKey } from '../../oci/signing-key.ts';
import type { Context } from '../../session/context.ts';
import { findProblems } from '../verify/verify.ts';

export interface SignFileOptions extends Pick<OpenOptions, 'signers'> {
  /** Bundle, or the index or a part of a bundle in parts. */
  readonly file: string;
  readonly key: SigningKey;
  /** Writes the signature beside the bundle instead of into it. */
  readonly detached: boolean;
  /** Number of processor cores to use. */
  readonly cores: number;
}

export interface SignedFile extends SignResult {
  readonly file: string;
}

/**
 * Adds a signature to a finished bundle, after every byte of it was checked.
 * @throws AirgapError `bundle-invalid` if it is damaged; `signature` if a required one is missing; `unsupported` for
 *   another tool's archive; `no-space`, `file`, `output-exists`, `interrupted`
 */
export async function sign(context: Context, options: SignFileOptions): Promise<SignedFile> {
  const { file, signers } = options;
  const before = await stat(file).catch(() => undefined);
  const bundle = await openCheckedBundle(file, { signers, emit: context.emit });
  try {
    const name = await writtenName(bundle, options);
    await refuseForeign(bundle);
    await checkFolder(dirname(name), 'the folder');
    const check = (): Promise<void> => refuseDamaged(context, bundle, options.cores);
    const { emit, signal } = context;
    const result = await withRunLock(name, () =>
      runStep(emit, `signing ${printableLine(basename(file))}`, async () =>
        signBundle(bundle, { ...options, before, check, signal }),
      ),
    );
    return { file, ...result };
  } catch (error) {
    throw fileFailure(error) ?? error;
  } finally {
    await bundle.close();
  }
}

/**
 * Returns the bundle that is replaced, behind any link, so that runs on all names of a file exclude each other; or the name
 * beside which the signature is written.
 */
async function writtenName({ parts }: Bundle, { file, detached }: SignFileOptions): Promise<string> {
  if (parts.length > 0) return bundleName(file);
  return detached ? file : await realpath(file);
}

/** Refuses archives whose packing cannot be checked: other programs may read other content from them. */
async function refuseForeign(bundle: Bundle): Promise<void> {
  const { path } = bundle;
  if (bundle.inventory() === undefined) {
    throw new AirgapError('unsupported', `${path} has no inventory, so there is nothing that a signature could cover`, {
      hint: 'another tool wrote it: sign a file that helm airgap bundle wrote',
    });
  }
  const { byOtherTool } = await bundle.checkPacking();
  if (!byOtherTool) return;
  throw new AirgapError('unsupported', `${path} was repacked by another tool`, {
    hint: 'sign the original file: other programs may read different content from a repacked archive',
  });
}

/** Checks every byte. For a bundle in parts, also the checksums of the parts, which are signed too. */
async function refuseDamaged(context: Context, bundle: Bundle, cores: number): Promise<void> {
  const problems = await findProblems(context, bundle, cores);
  const parts = problems.length > 0 ? [] : await bundle.damagedParts(new Set(), [{ offset: 0, size: bundle.size }]);
  const [first, ...others] = [...problems, ...parts];
  if (first === undefined) return;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  throw new AirgapError('bundle-invalid', `${bundle.path} is damaged, so it was not signed: ${first.message}${more}`, {
    hint: 'helm airgap verify lists all damage; copy the file again',
  });
}
