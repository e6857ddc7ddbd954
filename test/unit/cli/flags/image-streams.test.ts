import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { NO_CONFIG } from '../../../../src/cli/flags/configuration.ts';
import { readImageStreams, streamNaming } from '../../../../src/cli/flags/image-streams.ts';
import type { CommandIO } from '../../../../src/cli/run.ts';
import { INTERNAL, imageStream, pushed } from '../../../support/image-streams.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const cwd = scratchFolder();
const digest = `sha256:${'1'.repeat(64)}`;
const stream = JSON.stringify(imageStream('shop/web', { latest: { images: [pushed('shop/web', digest)] } }));
const io = {
  context: { cwd, env: {}, emit: () => {} },
  readInput: () => Promise.resolve(Buffer.from(stream)),
} as unknown as CommandIO;
const read = (flags: object, config: object = {}, folder = cwd) =>
  readImageStreams(io, { registryRoute: [], ...flags }, { ...NO_CONFIG, ...config }, folder);

test('image streams are read from files of the command line and of the configuration, and from standard input', async () => {
  const folder = scratchFolder();
  writeFileSync(join(folder, 'a.json'), stream);
  const expected = {
    imageStreamRoute: 'r.example',
    imageStreams: [{ reference: `r.example/shop/web:latest@${digest}` }],
  };
  const route = { registryRoute: [`${INTERNAL}=r.example`] };
  expect(await read({ imageStreams: [join(folder, 'a.json')], ...route })).toMatchObject(expected);
  expect(await read({ imageStreams: ['-'], ...route })).toMatchObject(expected);
  const config = { imageStreams: ['a.json'], registryRoutes: { [INTERNAL]: 'r.example' } };
  expect(await read({ imageStreams: [] }, config, folder)).toMatchObject({ ...expected, givenRoutes: ['r.example'] });
  // A command without the flag does not read the key.
  expect(await read({}, config, folder)).toMatchObject({ imageStreams: [] });
});

test.each([
  ['Pods on standard input too', { imageStreams: ['-'], pods: '-' }],
  ['manifests on standard input too', { imageStreams: ['-'], manifests: ['-'] }],
  ['a password on standard input too', { imageStreams: ['-'], registryLogin: {} }],
  ['a route alone', { imageStreams: [], registryRoute: ['a.svc:5000=b.example'] }],
  ['--include-public alone', { imageStreams: [], includePublic: true }],
  ['a route that is none', { imageStreams: ['-'], registryRoute: ['b.example'] }],
  ['no route', { imageStreams: ['-'] }],
])('wrong use: %s', async (_, flags) => {
  await expect(read(flags)).rejects.toMatchObject({ code: 'usage' });
});

test('names in the target are NAMESPACE/STREAM unless the user chooses a naming', () => {
  const own = { match: 'quay.io/*', to: '{name}' };
  const rule = { match: 'r.example/*', to: '{path}' };
  expect(streamNaming(undefined, {}, 'r.example')).toEqual({ rules: [rule] });
  expect(streamNaming({ rules: [own] }, {}, 'r.example')).toEqual({ rules: [own, rule] });
  expect(streamNaming({ default: 'name' }, {}, 'r.example')).toEqual({ default: 'name' });
  expect(streamNaming(undefined, { naming: 'name' }, 'r.example')).toBeUndefined();
  expect(streamNaming(undefined, {}, undefined)).toBeUndefined();
});
