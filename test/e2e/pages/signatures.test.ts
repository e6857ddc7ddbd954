import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { buildArtifact, cosignSignature, listUnderTag, manifestAt, tagFor } from '../../support/artifacts.ts';
import { chartYaml, writeFiles } from '../../support/charts.ts';
import { helmUnderTest, program } from '../../support/cli.ts';
import { pushBuilt, pushImage } from '../../support/images.ts';
import { type PageBlock, pageBlocks, runPage } from '../../support/page.ts';
import { type PageScene, startScene } from '../../support/page-scene.ts';
import { scratchFolder } from '../../support/scratch.ts';
import {
  bundleManifest,
  type SigningOptions,
  type Sigstore,
  signatureManifest,
  startSigstore,
} from '../../support/sigstore.ts';

/** The commands of the pages about signatures of images and charts: by a key, and by a private sigstore. */

const INDEX = 'application/vnd.oci.image.index.v1+json';
let scene: PageScene;
let sigstore: Sigstore;
/** Keys, the trusted root, and a chart with its provenance. */
const files = scratchFolder();

beforeAll(async () => {
  const gpgHome = scratchFolder();
  [scene, sigstore] = await Promise.all([
    startScene({ images: ['docker.io/library/bare:1', 'quay.io/acme/bare:1'], targets: ['registry.internal'] }),
    startSigstore(),
  ]);
  const { host } = scene.upstream;
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subject = async (repository: string, digest: string) => ({
    mediaType: INDEX,
    digest,
    size: JSON.stringify((await manifestAt(host, repository, digest))?.json).length,
  });
  const keyless = async (repository: string, options: SigningOptions): Promise<void> => {
    const digest = await pushImage(host, repository, '1');
    await pushBuilt(host, repository, tagFor(digest, 'sig'), signatureManifest(await sigstore.sign(digest, options)));
  };
  const classic = await pushImage(host, 'quay.io/acme/classic', '1');
  const put = (suffix: string, image: Parameters<typeof pushBuilt>[3]) =>
    pushBuilt(host, 'quay.io/acme/classic', tagFor(classic, suffix), image);
  await put('sig', cosignSignature(privateKey, 'quay.io/acme/classic', classic));
  for (const suffix of ['att', 'sbom'])
    await put(
      suffix,
      buildArtifact({ layers: [{ mediaType: 'application/json', bytes: Buffer.from(`"${suffix}"`) }] }),
    );
  const bundled = await pushImage(host, 'quay.io/acme/bundle', '1');
  const artifact = bundleManifest(await sigstore.bundle(bundled), await subject('quay.io/acme/bundle', bundled));
  await pushBuilt(host, 'quay.io/acme/bundle', undefined, artifact);
  await listUnderTag(host, 'quay.io/acme/bundle', bundled, artifact);
  await keyless('quay.io/acme/app', {});
  await keyless('quay.io/other/tool', { identity: 'release@other.example', issuer: 'https://accounts.google.com' });

  const at = (name: string): string => join(files, name);
  writeFileSync(at('cosign.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(at('trusted_root.json'), sigstore.root);
  execFileSync('openssl', ['genpkey', '-algorithm', 'ED25519', '-out', at('release.pem')]);
  execFileSync('openssl', ['pkey', '-in', at('release.pem'), '-pubout', '-out', at('release.pub')]);
  const gpg = (...args: string[]): Buffer => execFileSync('gpg', ['--homedir', gpgHome, '--batch', ...args]);
  gpg('--quiet', '--passphrase', '', '--quick-generate-key', 'shop', 'rsa2048', 'sign', 'never');
  writeFileSync(at('secret.gpg'), gpg('--export-secret-keys'));
  writeFileSync(at('keyring.gpg'), gpg('--export'));
  execFileSync('gpgconf', ['--homedir', gpgHome, '--kill', 'gpg-agent']);
  const chart = await writeFiles(at('shop'), {
    'Chart.yaml': chartYaml('shop', '1.4.0'),
    'templates/a.yaml': '# none\n',
  });
  const signing = ['--sign', '--key', 'shop', '--keyring', at('secret.gpg')];
  await program(helmUnderTest(), ['package', chart, ...signing, '-d', files], files);
});
afterAll(() => scene.stop());

/** Returns a reader with the keys and the trusted root. */
function reader() {
  const one = scene.reader();
  for (const name of ['cosign.pub', 'trusted_root.json', 'release.pem', 'release.pub', 'keyring.gpg'])
    copyFileSync(join(files, name), join(one.cwd, name));
  return one;
}

test('docs/signatures.md', async () => {
  const one = reader();
  const push = ['push', join(files, 'shop-1.4.0.tgz'), `oci://${scene.target.host}/m/charts`, '--plain-http'];
  await program(helmUnderTest(), push, one.home);
  await runPage('docs/signatures.md', one);
});

test('docs/formats.md, its policies', async () => {
  const one = reader();
  const config = pageBlocks('docs/signatures.md').find(({ mark }) => mark === 'file=airgap.yaml')?.text ?? '';
  writeFileSync(join(one.cwd, 'airgap.yaml'), config);
  const out = ['--sign', 'release.pem', '--out', 'site.tar'];
  await scene.airgap(one.cwd, 'bundle', '--config', 'airgap.yaml', ...out);
  const leaveOut = ({ heading }: PageBlock): boolean => heading !== 'kyverno and policy-controller';
  await runPage('docs/formats.md', { ...one, leaveOut });
});
