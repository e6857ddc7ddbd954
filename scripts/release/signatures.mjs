/** Checks signatures with the programs that people have: openssl, gpg and sha256sum. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Checks SHA256SUMS, its signature, and that a changed SHA256SUMS is refused. */
export async function checkSums(folder) {
  await run('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], { cwd: folder });
  const sums = await readFile(join(folder, 'SHA256SUMS'));
  const signature = await readFile(join(folder, 'SHA256SUMS.sig'));
  assert(await isSigned(folder, sums, signature), 'openssl refuses the signature of SHA256SUMS');
  assert(
    !(await isSigned(folder, Buffer.concat([sums, Buffer.from('x')]), signature)),
    'openssl accepts a changed SHA256SUMS',
  );
  return 'sha256sum, openssl';
}

/** Checks the envelope of the provenance: it has the statement beside it, and a signature over it (DSSE). */
export async function checkEnvelope(folder) {
  const { payload, payloadType, signatures } = JSON.parse(await readFile(join(folder, 'provenance.dsse.json'), 'utf8'));
  const statement = Buffer.from(payload, 'base64');
  assert(
    statement.equals(await readFile(join(folder, 'provenance.json'))),
    'it has another statement than provenance.json',
  );
  const signed = `DSSEv1 ${payloadType.length} ${payloadType} ${statement.length} ${statement}`;
  const isValid = await isSigned(folder, Buffer.from(signed), Buffer.from(signatures[0].sig, 'base64'));
  assert(isValid, 'openssl refuses the signature of the provenance');
  return 'openssl';
}

/** Checks the provenance files with gpg. */
export async function checkProvFiles(folder, archives) {
  for (const name of archives)
    await run('gpgv', [
      '--quiet',
      '--keyring',
      join(folder, 'release.pub.gpg'),
      '--output',
      '/dev/null',
      join(folder, `${name}.prov`),
    ]);
  return `${archives.length} files, gpgv`;
}

/** Returns whether openssl accepts a signature by the key of the folder. */
async function isSigned(folder, bytes, signature) {
  const work = await mkdtemp(join(tmpdir(), 'openssl-'));
  try {
    await writeFile(join(work, 'bytes'), bytes);
    await writeFile(join(work, 'signature'), signature);
    const key = join(folder, 'release.pub');
    const { stdout } = await run('openssl', ['pkey', '-pubin', '-in', key, '-noout', '-text']);
    const args = stdout.includes('ED25519')
      ? ['pkeyutl', '-verify', '-pubin', '-inkey', key, '-rawin', '-in', 'bytes', '-sigfile', 'signature']
      : ['dgst', '-sha256', '-verify', key, '-signature', 'signature', 'bytes'];
    return spawnSync('openssl', args, { cwd: work }).status === 0;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
