import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { type MissingList, readMissingList } from '../../../src/inventory/missing-list.ts';
import { formatPlatform } from '../../../src/oci/platform.ts';
import { checkDocument, checkedImage } from '../../support/check-document.ts';
import { scratchFolder } from '../../support/scratch.ts';

const path = join(scratchFolder(), 'missing.json');
const digest = `sha256:${'a'.repeat(64)}`;

function read(text: string): Promise<MissingList> {
  writeFileSync(path, text);
  return readMissingList(path);
}

async function failure(run: Promise<unknown>): Promise<AirgapError> {
  const error = await run.then(
    () => expect.fail('it was read'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AirgapError);
  expect(error).toMatchObject({ code: 'config', exitCode: 2, hint: expect.stringContaining('-o json') });
  return error as AirgapError;
}

describe('the list of missing images', () => {
  it('has the images that a bundle can fix, by upstream name, and the others by reason', async () => {
    const names = ['not-in-bundle', 'not-pushed', 'incomplete', 'wrong-platform', 'no-permission', 'public-name', 'ok'];
    const entries = names.map((status) => checkedImage(`quay.io/org/${status}:1`, status));
    const { source: _, ...unnamed } = checkedImage('quay.io/org/custom:1', 'not-pushed');
    const { images, unfixable } = await read(checkDocument([...entries, unnamed]));
    expect(images.map(({ reference }) => reference)).toEqual([
      'quay.io/org/incomplete:1',
      'quay.io/org/not-in-bundle:1',
      'quay.io/org/not-pushed:1',
      'quay.io/org/wrong-platform:1',
    ]);
    expect(images.filter(({ isIncomplete }) => isIncomplete)).toHaveLength(1);
    expect(unfixable.map(({ reason }) => reason)).toEqual(['no-permission', 'public-name', 'no-upstream-name']);
  });

  it('wants the platforms of the Pods and those of the target, each image once', async () => {
    const first = checkedImage('quay.io/a:1', 'wrong-platform', {
      platforms: ['linux/arm64'],
      platformsAtTarget: ['linux/amd64', 'linux/arm64'],
      digestAtTarget: digest,
    });
    const workloads = [{ chart: 'other', profile: 'default', kind: 'Job', name: 'x', path: 'spec' }];
    const again = checkedImage('quay.io/a:1', 'incomplete', { platforms: ['linux/s390x'], anonymous: true, workloads });
    const { images } = await read(checkDocument([first, again]));
    expect(images).toHaveLength(1);
    expect(images[0]?.platforms.map(formatPlatform)).toEqual(['linux/arm64', 'linux/amd64', 'linux/s390x']);
    expect(images[0]).toMatchObject({ charts: ['app', 'other'], isIncomplete: true, digestAtTarget: digest });
  });

  it('bundles an image whole that was bundled whole, and pins it', async () => {
    const whole = checkedImage('quay.io/a:1', 'not-pushed', { digest, sourceDigest: digest });
    const part = checkedImage('quay.io/b:1', 'not-pushed', { digest, sourceDigest: `sha256:${'b'.repeat(64)}` });
    const { images } = await read(checkDocument([whole, part]));
    expect(images.map(({ sourceDigest, platforms }) => [sourceDigest, platforms.length])).toEqual([
      [digest, 0],
      [`sha256:${'b'.repeat(64)}`, 1],
    ]);
  });

  it('bundles an image whole whose platforms at the target are unknown', async () => {
    const { images } = await read(
      checkDocument([checkedImage('quay.io/a:1', 'incomplete', { digestAtTarget: digest })]),
    );
    expect(images[0]?.platforms).toEqual([]);
  });

  it.each([
    ['registry.internal.example/mirrored/redis:7', 'docker.io/library/redis:7', 'redis:7'],
    ['registry.internal.example/mirrored/bitnami/redis:7', 'docker.io/bitnami/redis:7', 'bitnami/redis:7'],
    ['registry.internal.example/mirrored/bitnami/redis:7', 'quay.io/bitnami/redis:7', 'quay.io/bitnami/redis:7'],
    ['elsewhere.example/redis:7', 'docker.io/library/redis:7', 'docker.io/library/redis:7'],
  ])('knows how the charts write an image: %s of %s', async (reference, source, written) => {
    const { images } = await read(checkDocument([checkedImage(source, 'not-pushed', { reference })]));
    expect(images[0]?.written).toBe(written);
  });

  it('names missing charts once', async () => {
    const chart = { name: 'app', version: '1.0.0', profile: 'default', status: 'not-pushed' };
    const far = { ...chart, name: 'far', status: 'unreachable' };
    const { charts, unfixable } = await read(checkDocument([], [chart, { ...chart, profile: 'edge' }, far]));
    expect(charts).toEqual([{ name: 'app', version: '1.0.0' }]);
    expect(unfixable).toEqual([{ reason: 'unreachable', name: 'chart far 1.0.0' }]);
  });
});

describe('another file', () => {
  const image = checkedImage('quay.io/a:1', 'not-pushed');
  it.each<[string, string, RegExp]>([
    ['text', 'nothing', /JSON/],
    ['empty', '', /JSON/],
    ['another document', JSON.stringify({ apiVersion: 'airgap/v1', kind: 'Lock' }), /Lock/],
    ['no object', '[1]', /kind/],
    ['null', 'null', /kind/],
    ['a hostile kind', JSON.stringify({ kind: '\u001b[2J\u202e' }), /\\u001b.*\\u202e/],
    ['a newer version', checkDocument([]).replace('airgap/v1', 'airgap/v2'), /apiVersion/],
    ['an unknown status', checkDocument([{ ...image, status: 'gone' }]), /images\.0\.status/],
    ['a name that is a flag', checkDocument([{ ...image, source: '--upload-pack=x' }]), /images\.0\.source/],
    ['a short name', checkDocument([{ ...image, source: 'redis:7' }]), /images\.0\.source/],
    ['a traversal', checkDocument([{ ...image, source: 'quay.io/../etc:1' }]), /images\.0\.source/],
    ['no digest', checkDocument([{ ...image, digest: 'sha256:1' }]), /images\.0\.digest/],
    ['no platform', checkDocument([{ ...image, platforms: ['linux'] }]), /platform/],
    [
      'a chart name with a slash',
      checkDocument([], [{ name: '../x', version: '1', profile: '', status: 'not-pushed' }]),
      /\.\.\/x/,
    ],
    ['ten thousand and one images', checkDocument(Array.from({ length: 10_001 }, () => image)), /10000/],
    ['deep nesting', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, /kind/],
  ])('is refused: %s', async (_, text, expected) => {
    const { message } = await failure(read(text));
    expect(message).toMatch(expected);
    expect(message).toContain('missing.json');
    expect(message.length).toBeLessThan(1500);
  });

  it('is refused unless it is a file of a sensible size, without waiting for a pipe', async () => {
    const folder = scratchFolder();
    await failure(readMissingList(join(folder, 'none.json')));
    await failure(readMissingList(folder));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    await failure(readMissingList(join(folder, 'pipe')));
    writeFileSync(join(folder, 'large.json'), '{');
    truncateSync(join(folder, 'large.json'), 65 * 1024 * 1024);
    expect((await failure(readMissingList(join(folder, 'large.json')))).message).toContain('MiB');
  });

  it('does not make a hostile chart name part of the inventory', async () => {
    const workloads = [{ chart: '\u001b]0;x\u0007', profile: '', kind: '', name: '', path: '' }];
    const { images } = await read(checkDocument([checkedImage('quay.io/a:1', 'not-pushed', { workloads })]));
    expect(images[0]?.charts).toEqual([]);
  });
});
