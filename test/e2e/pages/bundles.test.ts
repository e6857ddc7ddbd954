import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, test } from 'vitest';
import { currentRun } from '../../../src/base/run-identity.ts';
import { selfSigned } from '../../support/certificate.ts';
import { chartYaml, fixtureChart } from '../../support/charts.ts';
import { pushImage } from '../../support/images.ts';
import { type PageStep, runPage } from '../../support/page.ts';
import { certManager, certManagerImages } from '../../support/page-charts.ts';
import { type PageScene, packageChart, startScene } from '../../support/page-scene.ts';
import { freePort } from '../../support/registry.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { tarOf } from '../../support/tar.ts';
import { elfProgram } from '../../support/tools.ts';

/** The commands of the pages about bundles. */

const SHOP = [
  'docker.io/library/busybox:1.36.1',
  'docker.io/valkey/valkey:8.1.0-alpine',
  'quay.io/shop-tools/reports:0.9.2',
  'registry.example/shop/init:1.36-alpine',
  'registry.example/shop/migrate@sha256:35b3809e556c3eb02c344b10354dadb6a2cfa8134267a910e5717e74d16eca3f',
  'registry.example/shop/proxy:2.3.1',
  'registry.example/shop/web:1.4.2',
  'registry.example/shop/worker:1.4.2',
];
/** The images of the pages are ten times as large. */
const SMALLER = { '--split-size 8MB': '--split-size 800KB' };
const CERT_MANAGER = 'cert-manager-v1.17.2.tgz';
let scene: PageScene;
/** A bundle of cert-manager, `platform.tar` of several pages. */
let platform: string;
let servedPort: number;
let plainPort: number;

beforeAll(async () => {
  [servedPort, plainPort] = [await freePort(), await freePort()];
  scene = await startScene({
    images: [
      ...['v1.17.2', 'v1.21.1'].flatMap(certManagerImages),
      'quay.io/jetstack/cert-manager-controller:v1.18.0',
      ...SHOP,
    ],
    targets: ['registry.internal.example'],
    hosts: { 'served.internal.example': { registry: `127.0.0.1:${servedPort}`, tls: true } },
  });
  const layers = { size: 500_000, sharedLayer: 'base of the app' };
  for (const tag of ['1.0', '1.4.2', '1.5.0']) await pushImage(scene.upstream.host, 'quay.io/team/app', tag, layers);
  for (const version of ['v1.17.2', 'v1.21.1']) await packageChart(certManager(version), scene.charts);
  platform = join(scratchFolder(), 'platform.tar');
  await scene.airgap(scene.charts, 'bundle', CERT_MANAGER, '--out', platform);
});
afterAll(() => scene.stop());

function flip(file: string, position: number): void {
  const bytes = readFileSync(file);
  bytes[position] = (bytes[position] as number) ^ 1;
  writeFileSync(file, bytes);
}

/** Position of the last byte before the entry of a tar that follows this one. */
function paddingAfter(file: string, name: string): number {
  const bytes = readFileSync(file);
  const header = bytes.indexOf(`${name}\0`);
  const size = Number.parseInt(bytes.toString('latin1', header + 124, header + 135), 8);
  return header + 512 + Math.ceil(size / 512) * 512 - 1;
}

/** Writes files with the names of the plugin's archives and of Helm's, which are not run. */
function writePackages(cwd: string): void {
  mkdirSync(join(cwd, 'packages'));
  const sums = ['linux-amd64', 'linux-arm64'].map((platform, i) => {
    const [name, bytes] = [`airgap-0.1.0-${platform}.tgz`, Buffer.alloc(9000, i)];
    writeFileSync(join(cwd, 'packages', name), bytes);
    return `${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`;
  });
  writeFileSync(join(cwd, 'packages/SHA256SUMS'), sums.join(''));
  const helm = tarOf([{ path: 'linux-amd64/helm', content: elfProgram(62) }]);
  writeFileSync(join(cwd, 'helm-v4.1.4-linux-amd64.tar.gz'), gzipSync(helm));
}

test('docs/bundle.md', async () => {
  const reader = scene.reader();
  const at = (name: string): string => join(reader.cwd, name);
  const before = ({ heading, text, shown }: PageStep): void => {
    scene.named.slow = shown.includes('^C');
    if (shown.some((line) => line.startsWith('Error: another run')))
      writeFileSync(at('app.tar.partial.lock'), JSON.stringify({ ...currentRun(), since: new Date().toISOString() }));
    else rmSync(at('app.tar.partial.lock'), { force: true });
    const part = at('split.tar.002');
    if (shown.some((line) => line.includes('split.tar.002 is missing'))) renameSync(part, at('carried'));
    if (shown.some((line) => line.includes('split.tar.002 is damaged'))) {
      copyFileSync(at('carried'), part);
      flip(part, 400_000);
    }
    if (text.startsWith('sha256sum -c split')) renameSync(at('carried'), part);
    if (text.includes('--include-plugin')) writePackages(reader.cwd);
    if (heading === 'Verify a bundle') flip(at('app.tar'), paddingAfter(at('app.tar'), 'manifest.json'));
  };
  const interrupted = (): Promise<void> => scene.named.sentSlowly(300_000);
  await runPage('docs/bundle.md', { ...reader, before, interrupted, replace: SMALLER });
});

test('docs/delta.md', async () => {
  const reader = scene.reader();
  copyFileSync(platform, join(reader.cwd, 'v1.tar'));
  await scene.airgap(reader.cwd, 'bundle', 'cert-manager-v1.21.1.tgz', '--out', 'v2.tar');
  await scene.airgap(reader.cwd, 'bundle', '--image', 'quay.io/team/app:1.4.2', '--out', 'app.tar');
  await runPage('docs/delta.md', reader);
});

test('docs/lock-file.md', async () => {
  const reader = scene.reader();
  const chart = join(reader.cwd, 'charts/shop');
  cpSync(fixtureChart('shop'), chart, { recursive: true });
  const version = (version: string): void =>
    writeFileSync(
      join(chart, 'Chart.yaml'),
      readFileSync(join(chart, 'Chart.yaml'), 'utf8').replace(/^version: .*/m, `version: ${version}`),
    );
  const before = ({ text }: PageStep): void => version(text.includes('--check-lock') ? '1.5.0' : '1.4.0');
  await runPage('docs/lock-file.md', { ...reader, before });
});

test('docs/signing.md', async () => {
  const reader = scene.reader();
  const key = (name: string): void => {
    const file = (ending: string): string => join(reader.cwd, `${name}.${ending}`);
    execFileSync('openssl', ['genpkey', '-algorithm', 'ED25519', '-out', file('pem')]);
    execFileSync('openssl', ['pkey', '-in', file('pem'), '-pubout', '-out', file('pub')]);
  };
  for (const name of ['reviewer', 'security', 'other']) key(name);
  copyFileSync(platform, join(reader.cwd, 'unsigned.tar'));
  const env = { ...reader.env, AIRGAP_KEY_PASSPHRASE: 'open sesame' };
  await runPage('docs/signing.md', { ...reader, env, replace: SMALLER });
});

test('docs/report.md', async () => {
  const reader = scene.reader();
  copyFileSync(platform, join(reader.cwd, 'platform.tar'));
  await scene.airgap(reader.cwd, 'bundle', '--image', 'quay.io/team/app:1.4.2', '--out', 'v1.tar');
  const script = `case "$AIRGAP_IMAGE" in *controller*) echo 'CVE-2026-1 critical'; exit 1;; esac`;
  writeFileSync(join(reader.cwd, 'policy.sh'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  await runPage('docs/report.md', reader);
});

test('docs/interop.md', async () => {
  const reader = scene.reader();
  copyFileSync(platform, join(reader.cwd, 'platform.tar'));
  rmSync(join(reader.cwd, CERT_MANAGER));
  await runPage('docs/interop.md', reader);
});

test('docs/push.md', async () => {
  const reader = scene.reader();
  copyFileSync(platform, join(reader.cwd, 'platform.tar'));
  const ollama = { 'Chart.yaml': chartYaml('ollama', '1.77.0'), 'templates/a.yaml': '# nothing\n' };
  await packageChart(ollama, reader.cwd);
  renameSync(join(reader.cwd, 'ollama-1.77.0.tgz'), join(reader.cwd, 'ollama.tgz'));
  // What oras writes: an archive without a name.
  const before = ({ text }: PageStep): void => {
    if (!text.includes('push backup.tar')) return;
    const from = 'oci-archive:app.tar:quay.io/team/app:1.0';
    execFileSync('skopeo', ['copy', '-q', '--all', from, 'oci-archive:backup.tar:1.0'], { cwd: reader.cwd });
  };
  await runPage('docs/push.md', { ...reader, before });
});

test('docs/serve.md', async () => {
  const reader = scene.reader();
  copyFileSync(platform, join(reader.cwd, 'platform.tar'));
  const { cert, key } = selfSigned('served.internal.example');
  writeFileSync(join(reader.cwd, 'cert.pem'), cert);
  writeFileSync(join(reader.cwd, 'key.pem'), key);
  const replace = {
    'registry.internal.example': 'served.internal.example',
    '127.0.0.1:5000': `127.0.0.1:${plainPort}`,
    '0.0.0.0:5000': `0.0.0.0:${plainPort}`,
    '0.0.0.0:443': `0.0.0.0:${servedPort}`,
    'serve platform.tar': `serve platform.tar --listen 127.0.0.1:${plainPort}`,
  };
  await runPage('docs/serve.md', { ...reader, replace });
});
