import {
  copyFileSync,
  existsSync,
  globSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bareHost } from '../support/bare-host.ts';
import { isValidBom } from '../support/bom-schema.ts';
import { programPath } from '../support/cluster/build.ts';
import { type FileServer, serveFiles } from '../support/file-server.ts';
import { withoutGo } from '../support/go.ts';
import { everyHelm } from '../support/helm.ts';
import { pushImage } from '../support/images.ts';
import { packed, thisPlatform } from '../support/package.ts';
import { installTampered, installWays, type PluginRelease, pushPluginArtifact } from '../support/plugin-installs.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { releaseKeys } from '../support/release-keys.ts';
import { scratchFolder } from '../support/scratch.ts';
import { type ToolImage, tryToolImage, unpackToolImage, withoutChroot } from '../support/tool-image.ts';

/** What a release has besides archives: signatures, provenance files that Helm checks, bills of materials, the image. */

const root = join(import.meta.dirname, '../..');
const script = (name: string, ...args: readonly string[]) =>
  execa(process.execPath, [join(root, 'scripts', name), ...args], {
    env: { AIRGAP_PGP_PASSPHRASE: 'secret' },
    reject: false,
  });
const version: string = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;

const packages = join(scratchFolder(), 'packages');
const inPackages = (name: string): string => join(packages, name);
let registry: TestRegistry;
let web: FileServer;
let release: PluginRelease;

beforeAll(async () => {
  const it = await packed();
  mkdirSync(packages);
  // Signing writes SHA256SUMS anew, and other tests read that of the shared folder.
  for (const name of readdirSync(it.packages))
    (name.endsWith('.tgz') ? linkSync : copyFileSync)(join(it.packages, name), inPackages(name));
  const { signKey, pgpKey, keyring } = await releaseKeys('secret');
  const signed = await script('sign.mjs', '--packages', packages, '--sign-key', signKey, '--pgp-key', pgpKey);
  expect(signed.stderr).toBe('');
  [registry, web] = [await startRegistry(), await serveFiles(packages, `/v${version}`)];
  const layout = inPackages(`airgap-${version}-plugin.oci.tar`);
  const reference = await pushPluginArtifact(layout, registry.host, `${version}-${thisPlatform}`);
  const archive = inPackages(basename(it.archive));
  release = {
    version,
    archive,
    plugin: it.plugin,
    keyring,
    url: `${web.url}/v${version}/${basename(archive)}`,
    reference,
  };
});
afterAll(() => Promise.all([registry?.stop(), web?.stop()]));

test('openssl verifies SHA256SUMS and the provenance, and refuses changed ones', async () => {
  const folder = scratchFolder();
  await execa('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: packages });
  const names = readFileSync(inPackages('SHA256SUMS'), 'utf8').match(/(?<= {2}).*/g);
  const archive = basename(release.archive);
  expect(names).toEqual([
    archive,
    `${archive}.prov`,
    `airgap-${version}-plugin.oci.tar`,
    `airgap-${version}.cdx.json`,
    'provenance.json',
  ]);
  const verify = (signature: string, file: string) =>
    execa('openssl', ['dgst', '-sha256', '-verify', inPackages('release.pub'), '-signature', signature, file], {
      reject: false,
    });
  const { payload, payloadType, signatures } = JSON.parse(readFileSync(inPackages('provenance.dsse.json'), 'utf8'));
  const statement = readFileSync(inPackages('provenance.json'));
  expect(Buffer.from(payload, 'base64').equals(statement)).toBe(true);
  const [signature, message] = [join(folder, 'signature'), join(folder, 'message')];
  writeFileSync(signature, Buffer.from(signatures[0].sig, 'base64'));
  writeFileSync(message, `DSSEv1 ${payloadType.length} ${payloadType} ${statement.length} ${statement}`);
  expect(await verify(signature, message)).toMatchObject({ exitCode: 0, stdout: 'Verified OK' });
  expect(await verify(inPackages('SHA256SUMS.sig'), inPackages('SHA256SUMS'))).toMatchObject({ exitCode: 0 });
  expect(await verify(inPackages('SHA256SUMS.sig'), message)).toMatchObject({ exitCode: 1 });
});

describe.each(everyHelm())('Helm $version, without Node, npm and git', ({ path, version: helmVersion, variable }) => {
  // Without verification the same archives are installed; release:check tries that too.
  const ways = installWays(helmVersion, {
    archive: '',
    plugin: '',
    keyring: '',
    url: '',
    reference: '',
    version,
  }).filter(({ name }) => !name.includes('unverified'));

  test.each(ways.map(({ name }) => name))('installs the plugin from %s', async (name) => {
    const way = installWays(helmVersion, release).find((one) => one.name === name);
    const host = bareHost(path);
    if (path === undefined) throw new Error(`this Helm is not here; set ${variable} to the path of one`);
    await way?.install(host, path);
    expect(await host.ok(path, 'airgap', '--version')).toBe(version);
  });

  test.runIf(helmVersion.startsWith('4.'))(
    'refuses an archive that was changed, and one without its provenance file',
    async () => {
      const { signed, unsigned } = await installTampered(bareHost(path), path as string, release);
      expect(signed).toMatchObject({ code: 1, stderr: expect.stringContaining('sha256 sum does not match') });
      expect(unsigned.code).toBe(0);
      const other = { ...release, keyring: (await releaseKeys()).keyring };
      for (const { name, install } of installWays(helmVersion, other).filter(({ name }) => name.includes('provenance')))
        await expect(install(bareHost(path), path as string), name).rejects.toThrow('unknown entity');
    },
  );
});

test('Helm asked the server for the archive of the version and its provenance file', () => {
  const archive = `/v${version}/airgap-${version}-${thisPlatform}.tgz`;
  expect([...web.served].sort()).toEqual([archive, `${archive}.prov`]);
});

test('the bill of materials is valid, and names what NOTICE names', () => {
  const bom = JSON.parse(readFileSync(inPackages(`airgap-${version}.cdx.json`), 'utf8'));
  expect(isValidBom(bom), JSON.stringify(isValidBom.errors)).toBe(true);
  const notice = readFileSync(join(release.plugin, 'NOTICE'), 'utf8');
  const named = [...notice.matchAll(/^={78}\n(\S+ \S+) \([^)\n]+\)$/gm)].map(([, name]) => name);
  const packages = bom.components.filter(({ type }: { type: string }) => type === 'library');
  expect(packages.map((one: { name: string; version: string }) => `${one.name} ${one.version}`).sort()).toEqual(
    named.sort(),
  );
  expect(bom.components.map(({ purl }: { purl?: string }) => purl)).toContain('pkg:npm/%40aws-sdk/client-ecr@3.1169.0');
  expect(JSON.stringify(bom.components)).toContain('"description":"Node.js"');
});

describe('bad input', () => {
  test.each([
    ['a key that is missing', ['--sign-key', '/none/key.pem'], 1, 'ENOENT'],
    ['a PGP key that is none', ['--pgp-key', join(root, 'LICENSE')], 1, 'no valid OpenPGP data'],
    ['no key', [], 2, 'usage'],
    ['an unknown option', ['--wrong'], 2, 'usage'],
  ])('%s: a sentence, and nothing is written', async (_, args, exitCode, text) => {
    const folder = scratchFolder();
    linkSync(release.archive, join(folder, basename(release.archive)));
    const run = await script('sign.mjs', '--packages', folder, ...args);
    expect(run).toMatchObject({ exitCode, stderr: expect.stringContaining(text) });
    expect(run.stderr).not.toMatch(/^ +at /m);
    expect(readdirSync(folder)).toEqual([basename(release.archive)]);
  });

  test.each(['package.mjs', 'image.mjs', 'sign.mjs', 'release/check.mjs'])(
    '%s --help prints the usage',
    async (name) => {
      expect(await script(name, '--help')).toMatchObject({
        exitCode: 0,
        stdout: expect.stringMatching(/^usage: npm run /),
      });
      expect(await script(name, '--wrong')).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining('usage: npm run '),
      });
    },
  );
});

describe('the image', () => {
  const missing =
    withoutChroot() ??
    withoutGo() ??
    (programPath('helm-4.2.4') === undefined
      ? 'Helm 4.2.4 is not built; the cluster tests and npm run image build it'
      : undefined);
  let file: string;
  let image: ToolImage;
  beforeAll(async () => {
    if (missing !== undefined) return;
    const made = await script('image.mjs', '--packages', packages, thisPlatform);
    expect(made).toMatchObject({ exitCode: 0, stderr: '' });
    file = inPackages(`airgap-${version}-image.oci.tar`);
    image = await unpackToolImage(file);
  });

  test('runs as an ordinary user, with Helm and its plugins', async ({ skip }) => {
    if (missing !== undefined) skip(missing);
    await tryToolImage(image, version);
    expect(await image.run(['id', '-u'])).toBe('65532');
    expect(await image.run(['helm', 'plugin', 'list'])).toMatch(/^airgap\s.*\nairgap-post-render\s/m);
    expect(await image.run(['helm', 'version', '--short'])).toContain('v4.2.4');
    expect(image.config.Labels).toMatchObject({ 'org.opencontainers.image.version': version });
    expect(
      globSync('usr/share/doc/{libc6,busybox-static,ca-certificates,base-files}/copyright', { cwd: image.root }),
    ).toHaveLength(4);
    expect(readFileSync(join(image.root, 'usr/share/doc/helm/NOTICE'), 'utf8')).toContain('helm.sh/helm/v4 v4.2.4');
  });

  test('bundles an image, and travels in a bundle itself', async ({ skip }) => {
    if (missing !== undefined) skip(missing);
    await pushImage(registry.host, 'acme/app', '1');
    const flags = ['--plain-http', registry.host];
    await image.run(['bundle', '--image', `${registry.host}/acme/app:1`, '--out', 'app.tar', ...flags], {
      isArguments: true,
    });
    await image.run(['verify', 'app.tar'], { isArguments: true });
    const reference = `${registry.host}/tools/helm-airgap:${version}`;
    const copy = ['--insecure-policy', 'copy', '--quiet', '--all', '--dest-tls-verify=false', `oci-archive:${file}`];
    await execa('skopeo', [...copy, `docker://${reference}`]);
    await image.run(['bundle', '--image', reference, '--out', 'itself.tar', ...flags], { isArguments: true });
    expect(statSync(join(image.root, image.config.WorkingDir, 'itself.tar')).size).toBeGreaterThan(50e6);
  });

  test('has a valid bill of materials with the Debian packages, Helm and its modules', ({ skip }) => {
    if (missing !== undefined) skip(missing);
    const bom = JSON.parse(readFileSync(inPackages(`airgap-${version}-image.cdx.json`), 'utf8'));
    expect(isValidBom(bom), JSON.stringify(isValidBom.errors)).toBe(true);
    const names = bom.components.map(({ name }: { name: string }) => name);
    for (const name of ['libc6', 'busybox-static', 'helm.sh/helm/v4', 'k8s.io/api', 'undici', 'debian'])
      expect(names).toContain(name);
    expect(existsSync(join(image.root, 'var/lib/dpkg/status.d/libc6'))).toBe(true);
  });
});
