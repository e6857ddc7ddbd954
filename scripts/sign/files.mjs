import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { signBytes } from '../../src/oci/signing-key.ts';

const STATEMENT = 'application/vnd.in-toto+json';

/**
 * Signs a folder of archives: SHA256SUMS.sig is the bare signature over SHA256SUMS, which openssl verifies, and provenance.dsse.json
 * the signed provenance. Neither is in SHA256SUMS.
 * @see https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md
 */
export async function signFiles(packages, key) {
  const sums = await readFile(join(packages, 'SHA256SUMS'));
  await writeFile(join(packages, 'SHA256SUMS.sig'), Buffer.from(signBytes(key, sums), 'base64'));
  const payload = await readFile(join(packages, 'provenance.json'));
  const signed = Buffer.concat([Buffer.from(`DSSEv1 ${STATEMENT.length} ${STATEMENT} ${payload.length} `), payload]);
  const envelope = {
    payload: payload.toString('base64'),
    payloadType: STATEMENT,
    signatures: [{ sig: signBytes(key, signed) }],
  };
  await writeFile(join(packages, 'provenance.dsse.json'), `${JSON.stringify(envelope)}\n`);
  await writeFile(join(packages, 'release.pub'), key.publicKey.export({ type: 'spki', format: 'pem' }));
}
