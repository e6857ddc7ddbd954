import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { launcher } from '../../support/cli.ts';
import { newestAndOldestHelm } from '../../support/helm.ts';
import { type PageBlock, type PageStep, runPage } from '../../support/page.ts';
import { type PageScene, startScene } from '../../support/page-scene.ts';
import { pushPluginArtifact } from '../../support/plugin-installs.ts';
import { scratchFolder } from '../../support/scratch.ts';

/**
 * The commands of the pages about releases and installing. The archive is a small one, which starts the built plugin; that of
 * `npm run package` is tested in test/e2e/package.test.ts and release.test.ts.
 */

const root = join(import.meta.dirname, '../../..');
const NAME = 'airgap-0.1.0-linux-amd64.tgz';
let scene: PageScene;
/** Folder of the server files.internal.example. */
const web = scratchFolder();

beforeAll(async () => {
  scene = await startScene({
    images: ['quay.io/team/tool:1'],
    targets: ['registry.internal.example'],
    hosts: { 'files.internal.example': { files: web } },
  });
});
afterAll(() => scene.stop());

/** Writes an archive in the form of the plugin's, and SHA256SUMS, to a folder. */
function writeArchive(packages: string): void {
  const folder = scratchFolder();
  const at = (name: string): string => join(folder, name);
  mkdirSync(at('airgap/scripts'), { recursive: true });
  for (const name of ['plugin.yaml', 'completion.yaml']) {
    copyFileSync(join(root, name), at(`airgap/${name}`));
    const text = readFileSync(join(root, name), 'utf8');
    writeFileSync(at(name), text.replaceAll('$HELM_PLUGIN_DIR/scripts/', '$HELM_PLUGIN_DIR/airgap/scripts/'));
  }
  writeFileSync(at('airgap/scripts/airgap'), `#!/bin/sh\nexec '${launcher}' "$@"\n`, { mode: 0o755 });
  mkdirSync(packages);
  const files = ['plugin.yaml', 'airgap', 'completion.yaml'];
  execFileSync('tar', ['-czf', join(packages, NAME), '-C', folder, ...files]);
  writeFileSync(join(packages, 'provenance.json'), '{}\n');
  const sums = execFileSync('sha256sum', [NAME, 'provenance.json'], { cwd: packages });
  writeFileSync(join(packages, 'SHA256SUMS'), sums);
}

test('docs/releasing.md, its keys, and docs/installing.md with what they sign', async ({ skip }) => {
  const [helm3, helm4] = newestAndOldestHelm().map(({ path }) => path);
  if (helm3 === undefined || helm4 === undefined) return skip('Helm 3 or 4 is missing; run scripts/setup --tests');
  const { cwd, home, env } = scene.reader();
  // Sockets have short paths.
  const gnupg = scratchFolder();
  const secrets = { AIRGAP_KEY_PASSPHRASE: 'open sesame', AIRGAP_PGP_PASSPHRASE: 'secret' };
  await runPage('docs/releasing.md', { cwd, home, env: { ...env, ...secrets, GNUPGHOME: gnupg } });
  execFileSync('gpgconf', ['--homedir', gnupg, '--kill', 'gpg-agent']);
  const packages = join(cwd, 'packages');
  writeArchive(packages);
  const keys = ['--sign-key', join(cwd, 'sign.pem'), '--pgp-key', join(cwd, 'pgp.key')];
  const sign = [join(root, 'scripts/sign.mjs'), '--packages', packages, ...keys];
  execFileSync(process.execPath, sign, { env: { ...process.env, ...secrets } });
  for (const name of readdirSync(packages)) cpSync(join(packages, name), join(cwd, name));
  for (const name of [NAME, `${NAME}.prov`]) copyFileSync(join(packages, name), join(web, name));
  const image = [
    'copy',
    '-q',
    '--all',
    '--src-tls-verify=false',
    `docker://${scene.upstream.host}/quay.io/team/tool:1`,
  ];
  execFileSync('skopeo', [...image, 'oci-archive:airgap-0.1.0-image.oci.tar'], { cwd });
  await pushPluginArtifact(join(cwd, 'airgap-0.1.0-plugin.oci.tar'), scene.target.host, '0.1.0-linux-amd64');
  writeFileSync(join(cwd, 'token'), 'secret\n');
  const plugins = join(home, 'helm/data/plugins');
  /** The ways to install it are alternatives. */
  const before = ({ text }: PageStep): void => {
    if (/^helm plugin install/m.test(text)) rmSync(plugins, { recursive: true, force: true });
  };
  const isForHelm3 = ({ text }: PageBlock): boolean => /^helm plugin install https:\S+$/m.test(text);
  const replace = {
    'helm plugin install .\n': `helm plugin install ${root}\n`,
    'helm plugin install .  ': `helm plugin install ${root} `,
    // The installed one.
    'helm airgap --version': `${helm4} airgap --version`,
  };
  await runPage('docs/installing.md', { cwd, home, env, replace, before, helm: helm4, leaveOut: isForHelm3 });
  const leaveOut = (block: PageBlock): boolean => !isForHelm3(block);
  // Another host.
  await runPage('docs/installing.md', { cwd, home: scratchFolder(), env, helm: helm3, leaveOut });
});

test('CONTRIBUTING.md', async () => {
  await runPage('CONTRIBUTING.md', scene.reader());
});
