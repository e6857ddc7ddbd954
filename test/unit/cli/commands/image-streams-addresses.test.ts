import { join } from 'node:path';
import { expect, it } from 'vitest';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap } from '../../../support/terminal.ts';

const folder = scratchFolder();
const exported = join(import.meta.dirname, '../../../../fixtures/image-streams/openshift-4');
const INTERNAL = 'image-registry.openshift-image-registry.svc:5000';
const ROUTE = 'default-route-openshift-image-registry.apps.source.example';

const run = (...args: string[]) => airgap(['image-streams', ...args], {}, folder);

it.each([
  ['internal', [exported], INTERNAL],
  ['public', [exported], ROUTE],
  ['public', ['--registry-route', 'registry.svc:5000=registry.example'], 'registry.example'],
])('-o %s prints one address and nothing else', async (format, args, address) => {
  expect(await run('--registry-addresses', '-o', format, ...args)).toMatchObject({ code: 0, out: `${address}\n` });
});

it('-o json has all of them', async () => {
  const { out } = await run('--registry-addresses', '-o', 'json', exported);
  const { kind, internal, public: route } = JSON.parse(out);
  expect([kind, internal[0], route]).toEqual(['RegistryAddresses', INTERNAL, ROUTE]);
});

it.each([
  ['nothing about the cluster', ['--registry-addresses']],
  ['no public host', ['--registry-addresses', '-o', 'public', join(exported, 'resources/solo')]],
  ['an address without --registry-addresses', ['-o', 'public', exported]],
  ['a replacement too', ['--registry-addresses', '--registry-replacement', exported]],
])('refuses %s', async (_, args) => {
  const { code, out, err } = await run(...args);
  expect([code, out]).toEqual([2, '']);
  expect(err).toMatch(/^Hint: /m);
});
