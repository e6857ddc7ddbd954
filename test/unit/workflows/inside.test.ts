import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import type { PlaceFound } from '../../../src/discovery/index.ts';
import { toFindings } from '../../../src/discovery/index.ts';
import { insideReport } from '../../../src/ui/inside.ts';
import { rulesDocument } from '../../../src/ui/proposed-rules.ts';
import { insidePlaces } from '../../../src/workflows/inside/inside-places.ts';
import { apart } from '../../../src/workflows/inside/listed.ts';
import { lookInside } from '../../../src/workflows/inside/look-inside.ts';
import { proposeRules } from '../../../src/workflows/inside/propose-rules.ts';
import { type BuiltImage, buildImage } from '../../support/images.ts';
import { goProgram } from '../../support/program.ts';
import { tarOf } from '../../support/tar.ts';

const operator = 'quay.io/widget/operator:v1.0.0';
const place: PlaceFound = {
  ...{ chart: 'c', profile: 'default', template: 'c/templates/a.yaml', document: 0, kind: 'Deployment', name: 'o' },
  ...{ path: 'spec.template.spec.containers[0].image', how: 'pod-spec', written: operator, reference: operator },
  ...{ confidence: 'certain', need: 'install' },
};
const chart = { operators: [{ place, words: [], variables: ['RELATED_IMAGE_CACHE'] }], places: [place] };

const program = Buffer.concat([
  goProgram({
    build: ['path\tx'],
    code: [['PROXY_IMAGE', 'quay.io/widget/proxy:v1.2.3'], ['quay.io/widget/cache:%s']],
    data: [['1.9.0'], ['1.10.0']],
  }),
  Buffer.alloc(300 * 1024),
]);

function built(platforms: readonly string[]): BuiltImage {
  const layers = [tarOf([{ path: 'manager', content: program }])];
  return buildImage({ name: 'o', platforms, layers, config: { Entrypoint: ['/manager'] } });
}

/** A registry that has the operator's image and the references that are listed; of others it wants a login. */
function registry(image: BuiltImage, there: readonly string[], status: 'missing' | 'unauthorized' = 'missing') {
  return {
    manifest: async (_: unknown, tagOrDigest: string) => {
      const found = image.manifests.find(({ digest }) => digest === tagOrDigest) ?? image.manifests.at(-1);
      if (found === undefined) throw new Error('no manifest');
      const { mediaType, digest, bytes } = found;
      return { descriptor: { mediaType, digest: digest as `sha256:${string}`, size: bytes.length }, bytes };
    },
    blob: (_: unknown, { digest }: { digest: string }) => {
      const bytes = image.blobs.get(digest) ?? Buffer.alloc(0);
      return { size: bytes.length, open: async (offset = 0) => Readable.from([bytes.subarray(offset)]) };
    },
    head: async ({ registry: host, path }: { registry: string; path: string }, tag: string) => {
      if (there.includes(`${host}/${path}:${tag}`)) return { mediaType: 'x', digest: 'sha256:1', size: 1 } as never;
      if (status === 'missing') return undefined;
      throw new AirgapError('unauthorized', 'no');
    },
  };
}

async function look(client: ReturnType<typeof registry>) {
  const warnings: string[] = [];
  const context = {
    env: {},
    cwd: '.',
    emit: (event: { type: string; message?: string }) =>
      void (event.type === 'warning' && warnings.push(event.message ?? '')),
  };
  return { images: await lookInside(context, client, [chart], { concurrency: 2 }), warnings };
}

const there = ['quay.io/widget/proxy:v1.2.3', 'quay.io/widget/cache:1.9.0'];

describe('an operator that is looked into', () => {
  test('gives what its registry has, of an index the amd64 image', async () => {
    for (const platforms of [['linux/amd64'], ['linux/arm64', 'linux/amd64']]) {
      const { images, warnings } = await look(registry(built(platforms), there));
      expect(images[0]?.candidates.map(({ confidence, reference }) => `${confidence} ${reference}`)).toEqual([
        'high quay.io/widget/proxy:v1.2.3',
        'medium quay.io/widget/cache:1.9.0',
      ]);
      expect(warnings).toEqual([]);
    }
  });

  test('is warned about when there is none for amd64, or it cannot be read', async () => {
    expect((await look(registry(built(['linux/arm64']), there))).warnings).toEqual([
      `${operator} is not looked into: it has no image for linux/amd64`,
    ]);
    const broken = { ...registry(built(['linux/amd64']), there), manifest: () => Promise.reject(new Error('gone')) };
    expect((await look(broken)).warnings).toEqual([`${operator} cannot be looked into: gone`]);
  });

  test('keeps what is whole, and leaves open what is not, when nobody answers', async () => {
    const { images } = await look(registry(built(['linux/amd64']), [], 'unauthorized'));
    expect(images[0]?.candidates.map(({ reference, confirmed }) => [reference, confirmed])).toEqual([
      ['quay.io/widget/proxy:v1.2.3', undefined],
    ]);
    const { inside } = apart([], images);
    expect(insideReport(inside)).toContain(
      'not certain (a name, and the versions that the program holds, in /manager)',
    );
  });
});

describe('what is found inside', () => {
  test('is listed apart, unless it is known or included', async () => {
    const { images } = await look(registry(built(['linux/amd64']), there));
    const known: PlaceFound = { ...place, reference: there[0] ?? '', how: 'operator-rule', confidence: 'likely' };
    const listed = apart(toFindings([place, known, ...insidePlaces(images, false)]), images);
    expect(listed.inside.found.map(({ reference }) => reference)).toEqual([there[1]]);
    expect(listed.findings.map(({ found }) => found.map(({ how }) => how))).toEqual([
      ['pod-spec'],
      ['operator-rule', 'inside-image'],
    ]);
    const included = apart(toFindings([place, ...insidePlaces(images, true)]), images);
    expect(included.inside.found).toEqual([]);
    expect(included.findings.map(({ reference, need }) => `${need} ${reference}`)).toEqual([
      'optional quay.io/widget/cache:1.9.0',
      'install quay.io/widget/operator:v1.0.0',
      'optional quay.io/widget/proxy:v1.2.3',
    ]);
  });

  test('becomes rules, with the settings that the code and the manifest have for it', async () => {
    const { images } = await look(registry(built(['linux/amd64']), there));
    const { inside } = apart(toFindings([place, ...insidePlaces(images, false)]), images);
    const [proposed] = proposeRules(inside, images);
    expect(proposed?.rule.images.map(({ name, redirect, versions }) => [name, redirect, versions])).toEqual([
      ['proxy', { kind: 'env', name: 'PROXY_IMAGE' }, '1.0.0'],
      ['cache', { kind: 'env', name: 'RELATED_IMAGE_CACHE' }, '1.0.0'],
    ]);
    expect(rulesDocument(proposed === undefined ? [] : [proposed])).toMatch(/^# Rules proposed/);
  });
});
