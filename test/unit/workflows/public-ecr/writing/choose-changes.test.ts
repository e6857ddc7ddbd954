import { describe, expect, test } from 'vitest';
import type { ImagePlace, PlacePart, PublicEcrImage } from '../../../../../src/inventory/public-ecr.ts';
import { chooseChanges, filesToEdit } from '../../../../../src/workflows/public-ecr/writing/choose-changes.ts';

const FILE = '/charts/app/values.yaml';

function part(path: string, text: string, replacement?: string): PlacePart {
  const role = path.endsWith('registry') ? 'registry' : 'repository';
  return { role, keys: path.split('.'), path, line: 7, text, ...(replacement !== undefined && { replacement }) };
}

function place(parts: readonly PlacePart[], changes: Partial<ImagePlace> = {}): ImagePlace {
  return { chart: 'app', file: FILE, kind: 'values', line: 5, path: parts[0]?.path ?? '', parts, ...changes };
}

function image(name: string, places: readonly ImagePlace[], changes: Partial<PublicEcrImage> = {}): PublicEcrImage {
  return {
    reference: `docker.io/library/${name}:1`,
    equivalent: `public.ecr.aws/docker/library/${name}:1`,
    class: 'equivalent',
    status: 'verified',
    role: 'runs',
    pinned: false,
    places,
    unmapped: [],
    ...changes,
  };
}

/** Image whose registry is a value of its own, which others may use. */
function split(name: string, changes: Partial<PublicEcrImage> = {}): PublicEcrImage {
  const parts = [
    part('registry', 'docker.io', 'public.ecr.aws'),
    part(`${name}.repository`, `library/${name}`, `docker/library/${name}`),
  ];
  return image(name, [place(parts)], changes);
}

const values =
  'registry: docker.io\na:\n  repository: library/a\nb:\n  repository: library/b\nimage: docker.io/library/c\n';
const files = new Map([[FILE, values]]);

function choose(images: readonly PublicEcrImage[], read = files) {
  const { texts, places, notWritten } = chooseChanges(images, read);
  const changed = [...texts.values()][0] ?? values;
  return {
    changed: changed.split('\n').filter((line, i) => line !== values.split('\n')[i]),
    places: places.map((chosen) => chosen.image.reference),
    notWritten: notWritten.map(({ reference, line, reason }) => [reference, line, reason]),
  };
}

describe('the places to change', () => {
  test('are all parts of a verified image', () => {
    expect(choose([split('a')])).toEqual({
      changed: ['registry: public.ecr.aws', '  repository: docker/library/a'],
      places: ['docker.io/library/a:1'],
      notWritten: [],
    });
  });

  test('share a registry if all its images go to the same one', () => {
    expect(choose([split('a'), split('b')])).toMatchObject({ changed: { length: 3 }, notWritten: [] });
  });

  test.each([
    ['is not there', { status: 'not-found' }],
    ['has no equivalent', { class: 'none' }],
    ['loses its signatures', { losesSignatures: true }],
  ] as const)('leave a shared registry alone if one of its images %s', (_, changes) => {
    const { changed, places, notWritten } = choose([split('a'), split('b', changes)]);
    expect([changed, places]).toEqual([[], []]);
    expect(notWritten[0]).toEqual(['docker.io/library/a:1', 5, expect.stringContaining('docker.io/library/b:1')]);
  });

  test('leave a shared registry alone if its images go to several registries', () => {
    const b = image('b', [place([part('registry', 'docker.io', 'public.ecr.aws/b')])]);
    expect(choose([split('a'), b])).toMatchObject({ changed: [], notWritten: { length: 2 } });
  });

  test('leave others alone that only then share a registry with what stays', () => {
    // b cannot be changed in its file, so neither can a, whose registry it uses; c goes.
    const b = image('b', [
      place([part('registry', 'docker.io', 'public.ecr.aws'), part('b.missing', 'library/b', 'docker/library/b')]),
    ]);
    const c = image('c', [place([part('image', 'docker.io/library/c', 'public.ecr.aws/docker/library/c')])]);
    const { changed, places } = choose([split('a'), b, c]);
    expect([changed, places]).toEqual([['image: public.ecr.aws/docker/library/c'], ['docker.io/library/c:1']]);
  });

  test.each([
    ['another digest', { status: 'different-digest' }],
    ['fewer platforms', { status: 'different-platforms', missingPlatforms: ['linux/arm64'] }],
    ['no answer', { status: 'unconfirmed', why: 'timeout' }],
    ['signatures', { losesSignatures: true }],
  ] as const)('are none, and named, for an equivalent with %s', (_, changes) => {
    expect(choose([split('a', changes)])).toMatchObject({
      changed: [],
      notWritten: [['docker.io/library/a:1', 5, expect.any(String)]],
    });
  });

  test('are those of signed images too, if asked for', () => {
    const { texts } = chooseChanges([split('a', { losesSignatures: true })], files, true);
    expect(texts.get(FILE)).toContain('docker/library/a');
  });

  test('are none of a name whose other part is in a file that cannot be changed', () => {
    const other = place([part('a.repository', 'library/a', 'docker/library/a')], {
      file: '/charts/app/charts/sub/values.yaml',
    });
    const both = image('a', [place([part('registry', 'docker.io', 'public.ecr.aws')]), other]);
    const { places, notWritten } = chooseChanges([both], new Map([...files, [other.file, 'a: *x\n']]));
    expect(places).toEqual([]);
    expect(notWritten.map(({ file, kind }) => [file, kind])).toEqual([
      [FILE, 'file'],
      [other.file, 'file'],
    ]);
  });

  test.each([
    ['a template', place([part('registry', 'docker.io')], { kind: 'template' })],
    ['an archive', place([part('registry', 'docker.io')], { inArchive: 'charts/x.tgz' })],
    ['a part that must stay', place([part('registry', 'docker.io'), part('a.repository', 'library/a', 'x')])],
  ])('are named if they are in %s', (_, where) => {
    expect(choose([image('a', [where])])).toMatchObject({ changed: [], notWritten: { length: 1 } });
  });

  test('are named with the reason of the file, or of the search, if a part has no new text', () => {
    const why = { chart: 'app', template: 'a', object: 'Pod/a', field: 'image', reason: 'registry also builds x' };
    const shared = image('a', [place([part('registry', 'docker.io'), part('a.repository', 'library/a')])], {
      unmapped: [why],
    });
    expect(chooseChanges([shared], files).notWritten).toMatchObject([{ kind: 'shared', line: 7, reason: why.reason }]);
    const anchored = new Map([[FILE, 'a: 1\nregistry: &r docker.io\nb: *r\n']]);
    expect(chooseChanges([shared], anchored).notWritten).toMatchObject([{ kind: 'file', line: 2 }]);
  });

  test('are none in a file that cannot be read', () => {
    expect(chooseChanges([split('a')], new Map([[FILE, { reason: 'it is a link' }]])).notWritten).toMatchObject([
      { reason: 'it is a link', file: FILE },
    ]);
  });

  test('are not named for images that have no equivalent', () => {
    expect(choose([split('a', { class: 'none' }), split('b', { class: 'already' })]).notWritten).toEqual([]);
  });

  test('are in these files', () => {
    const archived = place([part('a', 'x', 'y')], { inArchive: 'charts/x.tgz', file: '/x.tgz' });
    const other = place([part('a', 'x', 'y')], { file: '/other.yaml' });
    const same = place([part('a', 'x', 'x')], { file: '/same.yaml' });
    const images = [split('a'), image('b', [archived, other, same]), split('c', { status: 'not-found' })];
    expect(filesToEdit(images)).toEqual([FILE, '/other.yaml', '/same.yaml']);
  });
});
