import { readFile, stat } from 'node:fs/promises';
import { AirgapError } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import { bundleName } from '../files/split-index.ts';
import type { Bundle } from '../reading/bundle.ts';

/** A cosign signature (specs/SIGNATURE_SPEC.md): the signed payload, and the signature in base64. */
export interface Signature {
  readonly payload: Uint8Array;
  readonly base64: string;
}

/** Maximum size of a payload; usual ones have about 300 bytes. */
export const PAYLOAD_LIMIT = 64 * 1024;
/** Maximum number of signatures in a bundle, and beside it; usually there are one or two. */
export const MAX_SIGNATURES = 16;

/** Maximum size of a file of signatures, whose payloads are in base64. */
const FILE_LIMIT = 2 * MAX_SIGNATURES * PAYLOAD_LIMIT;

/** Returns the path of the signatures beside a bundle or its parts: `NAME.signatures.json`. */
export function detachedPath({ path, parts }: Pick<Bundle, 'path' | 'parts'>): string {
  return signaturesPath(parts.length === 0 ? path : bundleName(path));
}

/** Returns the path of the signatures beside the bundle `NAME`. */
export function signaturesPath(name: string): string {
  return `${name}.signatures.json`;
}

/** Formats a file of signatures. */
export function formatDetached(signatures: readonly Signature[]): string {
  const entries = signatures.map(({ payload, base64 }) => ({
    payload: Buffer.from(payload).toString('base64'),
    signature: base64,
  }));
  return `${JSON.stringify({ schemaVersion: 1, signatures: entries }, null, 2)}\n`;
}

/**
 * Parses an untrusted file of signatures.
 * @param path of the file, for messages
 * @throws AirgapError `bundle-invalid`
 */
export function parseDetached(path: string, text: string): Signature[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalidFile(path, 'is not JSON', cause);
  }
  const { schemaVersion, signatures } = Object(json) as { schemaVersion?: unknown; signatures?: unknown };
  if (schemaVersion !== 1 || !Array.isArray(signatures))
    throw invalidFile(path, 'is not a file of signatures of version 1');
  if (signatures.length > MAX_SIGNATURES)
    throw invalidFile(path, `has ${signatures.length} signatures; the limit is ${MAX_SIGNATURES}`);
  return signatures.map((entry: unknown): Signature => {
    const { payload, signature } = Object(entry) as { payload?: unknown; signature?: unknown };
    if (typeof payload !== 'string' || typeof signature !== 'string')
      throw invalidFile(path, 'has an entry that is not a signature');
    return { payload: Buffer.from(payload, 'base64'), base64: signature };
  });
}

/**
 * Reads the signatures beside a bundle without verifying them; none if there is no such file.
 * @throws AirgapError `bundle-invalid`, `file`
 */
export async function readDetachedSignatures(bundle: Pick<Bundle, 'path' | 'parts'>): Promise<Signature[]> {
  const path = detachedPath(bundle);
  try {
    // Opening a pipe would block until it has a writer.
    const found = await stat(path);
    if (!found.isFile() || found.size > FILE_LIMIT) throw invalidFile(path, 'is not a file of signatures');
    return parseDetached(path, await readFile(path, 'utf8'));
  } catch (cause) {
    if (cause instanceof AirgapError) throw cause;
    if (['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) return [];
    throw new AirgapError('file', `${path} cannot be read: ${reasonOf(cause)}`, { cause });
  }
}

function invalidFile(path: string, why: string, cause?: unknown): AirgapError {
  return new AirgapError('bundle-invalid', `${path} ${why}`, {
    hint: 'copy it again from the side where helm airgap sign wrote it, or delete it',
    cause,
  });
}
