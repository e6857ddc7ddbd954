import { expect, test } from 'vitest';
import { manifestSource } from '../../../../src/manifests/source.ts';
import { planReplacement } from '../../../../src/workflows/image-streams/replacement.ts';
import { buildConfig, imageStream, pushed } from '../../../support/image-streams.ts';

const image = pushed('shop/web', `sha256:${'1'.repeat(64)}`);
const OBJECTS = [
  imageStream('shop/web', { latest: { images: [image] } }),
  imageStream('never-built/web', {}),
  { ...imageStream('stripped/web', {}), status: undefined },
  buildConfig('shop/api', 'api:1'),
];

async function replacement(renamed: ReadonlyMap<string, string>) {
  const warnings: string[] = [];
  const input = Buffer.from(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: OBJECTS }));
  const source = { ...manifestSource('image-streams', '-', '/'), input };
  const routes = [{ internal: 'new.svc:5000', route: 'new.example' }];
  const plan = await planReplacement(
    { env: {}, cwd: '/', emit: (event) => void (event.type === 'warning' && warnings.push(event.message)) },
    {
      streams: { sources: [source], registryRoutes: [], includePublic: false, includePlatform: false },
      destination: { configs: [], routes },
      renamed,
    },
  );
  return { plan, warnings };
}

test('namespaces are those of all image streams, and those that are renamed', async () => {
  const { plan, warnings } = await replacement(new Map([['base', 'common']]));
  expect(plan.namespaces).toEqual(['base', 'never-built', 'shop', 'stripped']);
  expect(plan.replacements.filter(({ to }) => to === 'new.svc:5000/common')).not.toEqual([]);
  // A stream without a status, builds without their stream, and a namespace without image streams.
  expect(warnings.map((text) => /stripped\/web|shop\/api|base/.exec(text)?.[0])).toEqual([
    'stripped/web',
    'shop/api',
    'base',
  ]);
});

test('image streams that get one name are warned about', async () => {
  const { warnings } = await replacement(new Map([['never-built', 'shop']]));
  expect(warnings.filter((text) => text.includes('shop/web'))).toHaveLength(1);
});
