import { expect, test } from 'vitest';
import { formatRepository, parseReference } from '../../../../src/oci/reference.ts';
import type { LocatedScalar } from '../../../../src/workflows/public-ecr/chart-values.ts';
import { solveMoves } from '../../../../src/workflows/public-ecr/solve-moves.ts';
import type { Name, Use, UsePart } from '../../../../src/workflows/public-ecr/uses.ts';
import { ValuesFile } from '../../../../src/workflows/public-ecr/values-file.ts';

const FILE = new ValuesFile({ file: '/chart/values.yaml' }, '');

const scalarOf = (text: string, more: Partial<LocatedScalar> = {}): LocatedScalar => ({
  ...{ text, line: 1, file: FILE, keys: ['image'], isAnchored: false },
  ...more,
});

/** A name in a scalar of its own. */
function name(path: string, text: string, scalar: Partial<Name> = {}): Name {
  const components = text.split('/');
  const hostFirst = /[.:]/.test(components[0] ?? '');
  return {
    path,
    text,
    components,
    hostFirst,
    start: 0,
    scalar: scalarOf(text),
    ...scalar,
  };
}

/** A use whose parts are literals and names. */
function use(...parts: (string | Name)[]): Use {
  const form = parts.map((part): UsePart => {
    return typeof part === 'string' ? { text: part } : { text: part.text, name: part, isWhole: true };
  });
  const written = form.map(({ text }) => text).join('');
  const { registry, path } = parseReference(written);
  return { reference: formatRepository({ registry, path }), written, forms: [form], chart: 'app', role: 'runs' };
}

const MOVES: Readonly<Record<string, string>> = {
  'docker.io/library/nginx': 'public.ecr.aws/docker/library/nginx',
  'docker.io/library/redis': 'public.ecr.aws/docker/library/redis',
  'docker.io/hashicorp/vault': 'public.ecr.aws/hashicorp/vault',
  'quay.io/nginx/nginx-ingress': 'public.ecr.aws/nginx/nginx-ingress',
  'ghcr.io/nginx/kubernetes-ingress': 'public.ecr.aws/nginx/nginx-ingress',
};

/** New texts by path, and the reasons of what stays. */
function solved(...uses: Use[]): { readonly texts: Readonly<Record<string, string>>; readonly reasons: string[] } {
  const { names, unmoved } = solveMoves(uses, (reference) => MOVES[reference]);
  return {
    texts: Object.fromEntries([...names].map(([{ path }, text]) => [path, text])),
    reasons: [...unmoved.values()],
  };
}

test('a whole name, before a tag of the template or of the value', () => {
  expect(solved(use(name('image', 'nginx'), ':1.27')).texts).toEqual({ image: 'public.ecr.aws/docker/library/nginx' });
  expect(solved(use(name('image', 'quay.io/nginx/nginx-ingress'), '@sha256:', 'a'.repeat(64))).texts).toEqual({
    image: 'public.ecr.aws/nginx/nginx-ingress',
  });
});

test('a registry stays a host, and the path goes where the path was', () => {
  const registry = name('registry', 'docker.io');
  expect(solved(use(registry, '/', name('repository', 'library/nginx'), ':1')).texts).toEqual({
    registry: 'public.ecr.aws',
    repository: 'docker/library/nginx',
  });
  expect(solved(use(registry, '/', name('repository', 'hashicorp/vault'), ':1')).texts).toEqual({
    registry: 'public.ecr.aws',
  });
});

test('a registry before a name of the template gets the folders', () => {
  expect(solved(use(name('registry', 'docker.io'), '/library/nginx:1')).texts).toEqual({
    registry: 'public.ecr.aws/docker',
  });
});

test('an organisation before a name', () => {
  expect(solved(use(name('hub', 'hashicorp'), '/', name('image', 'vault'), ':1')).texts).toEqual({
    hub: 'public.ecr.aws/hashicorp',
  });
  expect(solved(use(name('hub', 'ghcr.io/nginx'), '/', name('image', 'kubernetes-ingress'), ':1')).texts).toEqual({
    hub: 'public.ecr.aws',
    image: 'nginx/nginx-ingress',
  });
});

test('what templates write cannot be moved', () => {
  expect(solved(use('docker.io/library/', name('image', 'nginx'), ':1'))).toEqual({
    texts: {},
    reasons: [expect.stringContaining('template')],
  });
  const { forms: _, ...literal } = use('nginx:1');
  expect(solved({ ...literal, forms: [] }).reasons).toHaveLength(1);
});

test('images that share a registry move together', () => {
  const registry = name('global.registry', 'docker.io');
  const uses = [
    use(registry, '/', name('a', 'library/nginx'), ':1'),
    use(registry, '/', name('b', 'hashicorp/vault'), ':1'),
  ];
  expect(solved(...uses)).toEqual({
    texts: { 'global.registry': 'public.ecr.aws', a: 'docker/library/nginx' },
    reasons: [],
  });
});

test('a registry of an image that stays is not changed, in any order', () => {
  const registry = name('global.registry', 'docker.io');
  const uses = [
    use(registry, '/', name('a', 'library/nginx'), ':1'),
    use(registry, '/', name('b', 'grafana/grafana'), ':1'),
    use(registry, '/', name('c', 'hashicorp/vault'), ':1'),
  ];
  for (const order of [uses, uses.toReversed()]) {
    const { texts, reasons } = solved(...order);
    expect(texts).toEqual({});
    expect(reasons).toEqual([expect.stringContaining('grafana'), expect.stringContaining('grafana')]);
  }
});

test('an image that cannot be moved keeps what it shares', () => {
  const registry = name('registry', 'docker.io');
  const uses = [use(registry, '/library/nginx:1'), use(registry, '/', name('b', 'hashicorp/vault'), ':1')];
  const { texts, reasons } = solved(...uses);
  expect(texts).toEqual({});
  expect(reasons).toHaveLength(2);
});

test('a repository that two images share stays as well', () => {
  const image = name('image', 'nginx');
  const both = [use(image, ':1'), { ...use(image, ':2'), reference: 'docker.io/library/nginx:other' }];
  expect(solved(...both).texts).toEqual({});
});

test.each<[string, Partial<Name>, RegExp]>([
  ['a value of a flag', { scalar: 'image is set by --set' }, /--set/],
  [
    'a file in an archive',
    { scalar: scalarOf('nginx', { file: new ValuesFile({ file: '/a.tgz', inArchive: 'a/values.yaml' }, '') }) },
    /a\/values\.yaml of \/a\.tgz/,
  ],
  ['a script', { scalar: scalarOf('run nginx') }, /by hand/],
  ['an anchor', { scalar: scalarOf('nginx', { isAnchored: true }) }, /anchor/],
])('%s cannot be changed', (_, scalar, reason) => {
  const { texts, reasons } = solved(use(name('image', 'nginx', scalar), ':1'));
  expect(texts).toEqual({});
  expect(reasons).toEqual([expect.stringMatching(reason)]);
});

test('a template that takes only some components of a value cannot be moved', () => {
  const image = name('image', 'docker.io/library/nginx');
  const form: UsePart[] = [{ text: 'library/nginx', name: image, isWhole: false }, { text: ':1' }];
  expect(solved({ ...use('library/nginx:1'), forms: [form] }).texts).toEqual({});
});
