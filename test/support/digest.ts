import { createHash } from 'node:crypto';

/** Returns the digest of bytes (`sha256:…`), independently of src/. */
export function digestOf(bytes: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
