import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, test } from 'vitest';
import { currentRun } from '../../../src/base/run-identity.ts';
import { pushImage } from '../../support/images.ts';
import { type PageStep, runPage } from '../../support/page.ts';
import { certManager, certManagerImages, type PageScene, packageChart, startScene } from '../../support/page-scene.ts';

/** The commands of the pages about bundles. */

let scene: PageScene;
const at = (name: string): string => join(scene.cwd, name);

beforeAll(async () => {
  scene = await startScene({
    images: [...['v1.17.2', 'v1.21.1'].flatMap(certManagerImages), 'quay.io/jetstack/cert-manager-controller:v1.18.0'],
    targets: ['registry.internal.example'],
  });
  const layers = { size: 5_000_000, sharedLayer: 'base of the app' };
  await pushImage(scene.upstream.host, 'quay.io/team/app', '1.4.2', layers);
  for (const version of ['v1.17.2', 'v1.21.1']) await packageChart(certManager(version), scene.cwd);
});
afterAll(() => scene.stop());

/** What bundle.md says has happened before a command. */
function happen({ heading, text, shown }: PageStep): void {
  scene.named.slow = shown.includes('^C');
  if (shown.some((line) => line.startsWith('Error: another run')))
    writeFileSync(at('app.tar.partial.lock'), JSON.stringify({ ...currentRun(), since: new Date().toISOString() }));
  else rmSync(at('app.tar.partial.lock'), { force: true });
  const part = at('split.tar.002');
  if (shown.some((line) => line.includes('split.tar.002 is missing'))) renameSync(part, at('carried'));
  if (shown.some((line) => line.includes('split.tar.002 is damaged'))) {
    copyFileSync(at('carried'), part);
    flip(part, 4_000_000);
  }
  if (text.startsWith('sha256sum -c split')) renameSync(at('carried'), part);
  if (text.includes('--include-plugin')) writePackages();
  if (heading === 'Verify a bundle') flip(at('app.tar'), paddingAfter(at('app.tar'), 'manifest.json'));
}

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

/** Writes files with the names of the plugin's archives and of Helm's, which are not read. */
function writePackages(): void {
  mkdirSync(at('packages'));
  const sums = ['linux-amd64', 'linux-arm64'].map((platform, i) => {
    const [name, bytes] = [`airgap-0.1.0-${platform}.tgz`, Buffer.alloc(9000, i)];
    writeFileSync(at(`packages/${name}`), bytes);
    return `${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`;
  });
  writeFileSync(at('packages/SHA256SUMS'), sums.join(''));
  writeFileSync(at('helm-v4.1.4-linux-amd64.tar.gz'), gzipSync(Buffer.alloc(9000)));
}

test('docs/bundle.md', async () => {
  await runPage('docs/bundle.md', { ...scene, before: happen });
});
