import { count } from '../../base/count.ts';
import type { SignedFile } from '../../workflows/sign/sign.ts';

/** Formats what `sign` has done. */
export function signReport({ file, status, signedBy, signatures, signatureFile }: SignedFile): string {
  const where = signatureFile === file ? '' : `, in ${signatureFile}`;
  const what = status === 'signed' ? 'signed' : 'was signed before';
  return `${file} is complete and undamaged, and ${what} by ${signedBy}${where}: ${count(signatures, 'signature')}`;
}
