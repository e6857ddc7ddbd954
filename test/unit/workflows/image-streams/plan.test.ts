import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { imageStreamsSchema } from '../../../../src/inventory/image-streams.ts';
import { manifestSource } from '../../../../src/manifests/source.ts';
import { planImageStreams } from '../../../../src/workflows/image-streams/plan.ts';
import { imageStreamReferences } from '../../../../src/workflows/image-streams/references.ts';

const fixtures = join(import.meta.dirname, '../../../../fixtures/image-streams');
const truth = readFileSync(join(fixtures, 'truth.tsv'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split('\t'));
const digestOf = (name = ''): string => `sha256:${createHash('sha256').update(name).digest('hex')}`;

const options = (path: string, more = {}) => ({
  ...{ sources: [manifestSource('image-streams', path, fixtures)], registryRoutes: [] },
  ...{ includePublic: false, includePlatform: false, ...more },
});

describe.each([
  ['openshift-4', 'default-route-openshift-image-registry.apps.source.example'],
  ['openshift-3.11.yaml', 'docker-registry-default.apps.old.example'],
])('%s', (path, route) => {
  test('has the tags of the truth, each with its class', async () => {
    const {
      platformUploads: _,
      addresses: __,
      streams,
      ...document
    } = await planImageStreams({ emit: ignoreEvents }, options(path));
    expect(imageStreamsSchema.strict().parse(document)).toEqual(document);
    expect(streams).toEqual(
      expect.arrayContaining(document.tags.map(({ name }) => name.slice(0, name.lastIndexOf(':')))),
    );
    const found = document.tags.map((tag) => {
      const { name, moved, digest = '', older = 0 } = tag;
      return [path, name, tag.class, moved ? 'yes' : 'no', digest, String(older)];
    });
    const expected = truth.filter(([file]) => file === path);
    expect(found).toEqual(expected.map((row) => row.with(4, row[4] === '' ? '' : digestOf(row[4]))));
    expect(document.counts.tags).toBe(expected.length);
    expect(document.registry.route).toBe(route);
  });

  test('gives references with tag and digest for what has to be moved', async () => {
    const { references } = await imageStreamReferences({ emit: ignoreEvents }, options(path));
    const moved = truth.filter(([file, , , isMoved]) => file === path && isMoved === 'yes');
    expect(references.map(({ reference }) => reference)).toEqual(
      moved.map(([, tag, , , image]) => `${route}/${tag}@${digestOf(image)}`),
    );
  });
});

test('public tags and those of the platform are taken on request, a reference by its own name', async () => {
  const all = options('openshift-4', { includePublic: true, includePlatform: true });
  const { references } = await imageStreamReferences({ emit: ignoreEvents }, all);
  const withImages = truth.filter(([file, , tagClass]) => file === 'openshift-4' && tagClass !== 'empty');
  expect(references).toHaveLength(withImages.length);
  expect(references.map(({ reference }) => reference)).toContain('docker.io/library/redis:8');
});

test('a folder without image streams is a mistake', async () => {
  const path = 'openshift-4/resources/openshift-image-registry';
  await expect(planImageStreams({ emit: ignoreEvents }, options(path))).rejects.toMatchObject({ code: 'usage' });
});
