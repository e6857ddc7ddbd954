import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fixtureChart } from '../support/charts.ts';
import { airgap, airgapOk, helmUnderTest, program } from '../support/cli.ts';
import { digestOf } from '../support/digest.ts';
import { startRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { fillUpstream } from '../support/upstream.ts';

/** One bundle pushed under every naming: `values` names what `push` wrote, and no public name is left. */

const namings = [
  { naming: ['--naming', 'name'], expected: 'mirror/web:1.4.2' },
  { naming: ['--naming', 'single-repository'], expected: 'mirror:1.4.2---registry.example--shop--web' },
  { naming: ['--naming', 'as-written'], expected: 'mirror/registry.example/shop/web:1.4.2' },
  {
    naming: [
      '--naming',
      'all/{folder}/{host}/{name}',
      '--naming-rule',
      '*/shop/*=own/{name}',
      '--chart-prefix',
      'helm',
    ],
    expected: 'mirror/own/web:1.4.2',
  },
];

test('push and values agree under every naming', async () => {
  const home = scratchFolder();
  const chart = fixtureChart('shop');
  const file = join(home, 'shop.tar');
  const found = JSON.parse((await airgapOk(['images', chart, '-o', 'json'], home)).stdout);
  const references: string[] = found.images.map((image: { reference: string }) => image.reference);
  const upstream = await startRegistry();
  const digests = new Set((await fillUpstream(upstream.host, references)).values());
  const mirror = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
  await airgapOk(['bundle', chart, ...mirror, '--out', file], home);
  await upstream.stop();

  for (const { naming, expected } of namings) {
    const registry = await startRegistry();
    try {
      const to = ['--to', `${registry.host}/mirror`, ...naming];
      await airgapOk(['push', file, ...to, '--plain-http', registry.host], home);
      const values = await airgap(['values', 'shop', '--bundle', file, ...to], home);
      // 3 would be unmapped references.
      expect(values.code, values.stderr).toBe(0);
      // The private names of the map exist in the registry.
      const args = ['values', '--all', '--bundle', file, ...to, '--format', 'map'];
      const after = Object.values(JSON.parse((await airgapOk(args, home)).stdout) as Record<string, string>);
      expect(after).toContain(`${registry.host}/${expected}`);
      for (const reference of after) {
        const raw = await program(
          'skopeo',
          ['inspect', '--tls-verify=false', '--raw', `docker://${untagged(reference)}`],
          home,
        );
        expect(digests, reference).toContain(digestOf(raw));
      }
      const folder = naming.includes('--chart-prefix') ? 'helm' : 'mirror/charts';
      const version =
        /^version: (.*)$/m.exec(await program(helmUnderTest(), ['show', 'chart', chart], home))?.[1] ?? '';
      const pull = ['pull', `oci://${registry.host}/${folder}/shop`, '--version', version, '--plain-http', '-d', home];
      await program(helmUnderTest(), pull, home);
    } finally {
      await registry.stop();
    }
  }
});

/** skopeo takes a tag or a digest, not both. */
function untagged(reference: string): string {
  return reference.includes('@') ? reference.replace(/:[^:/@]+@/, '@') : reference;
}
