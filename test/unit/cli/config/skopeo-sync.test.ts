import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { redact } from '../../../../src/base/redact.ts';
import { readSkopeoSync, type SkopeoSync } from '../../../../src/cli/config/skopeo-sync.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const path = join(scratchFolder(), 'sync.yaml');
const DIGEST = `sha256:${'0'.repeat(32)}${'1'.repeat(32)}`;

function read(text: string): Promise<SkopeoSync> {
  writeFileSync(path, text);
  return readSkopeoSync(path);
}

async function problems(text: string): Promise<readonly string[]> {
  const error: unknown = await read(text).then(
    () => expect.fail('read'),
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: 'config', exitCode: 2, hint: expect.stringContaining('skopeo-sync') });
  return (error as Error).message.replaceAll(`${path}:`, '').split('\n');
}

// The example of skopeo-sync(1), and its fields in full.
const EXAMPLE = `
registry.example.com:
    images:
        busybox: []
        redis:
            - "1.0"
            - "2.0"
            - "${DIGEST}"
    images-by-tag-regex:
        nginx: ^1\\.13\\.[12]-alpine-perl$
    images-by-semver:
        alpine: ">= 3.12.0"
    credentials:
        username: john
        password: this is a secret
    tls-verify: true
    cert-dir: /srv/certs
quay.io:
    images:
        coreos/etcd:
            - latest
`;

describe('a file for skopeo sync', () => {
  it('has the fields of skopeo', async () => {
    const of = (registry: string, name: string) => ({ repository: { registry, path: name }, lookups: [] });
    const example = 'registry.example.com';
    const origin = (field: string, name: string) => `${field} of ${example}/${name}:`;
    expect(await read(EXAMPLE)).toEqual({
      repositories: [
        { ...of(example, 'busybox'), rules: { tags: [] } },
        { ...of(example, 'redis'), lookups: ['1.0', '2.0', DIGEST] },
        {
          ...of(example, 'nginx'),
          rules: { tags: ['^1\\.13\\.[12]-alpine-perl$'], origin: origin('images-by-tag-regex', 'nginx') },
        },
        {
          ...of(example, 'alpine'),
          rules: { tags: [], versions: '>= 3.12.0', origin: origin('images-by-semver', 'alpine') },
        },
        { ...of('quay.io', 'coreos/etcd'), lookups: ['latest'] },
      ],
      logins: [{ registry: example, username: 'john', password: 'this is a secret' }],
      certificateFolders: [{ registry: example, folder: '/srv/certs' }],
      empty: [],
    });
    expect(redact('it was: this is a secret')).not.toContain('secret');
  });

  it('has tags as they are written', async () => {
    const { repositories } = await read(
      'quay.io:\n  images:\n    a: [1.10, 2, 0x1f, true, 1e3, 2026-01-01]\n    b:\n    c: ~\n',
    );
    expect(repositories[0]?.lookups).toEqual(['1.10', '2', '0x1f', 'true', '1e3', '2026-01-01']);
    expect(repositories.slice(1).map(({ rules }) => rules)).toEqual([{ tags: [] }, { tags: [] }]);
  });

  it('may name a part of a registry, and Docker Hub', async () => {
    const { repositories } = await read('quay.io/team: {images: {app: [v1]}}\ndocker.io: {images: {nginx: ["1"]}}\n');
    expect(repositories.map(({ repository }) => repository)).toEqual([
      { registry: 'quay.io', path: 'team/app' },
      { registry: 'docker.io', path: 'library/nginx' },
    ]);
  });

  it('has a login of digits as it is written', async () => {
    const { logins } = await read('quay.io: {images: {a: [v1]}, credentials: {username: 007, password: 0012345}}');
    expect(logins).toEqual([{ registry: 'quay.io', username: '007', password: '0012345' }]);
    expect(redact('0012345')).toBe('***');
  });

  it.each(['quay.io:\n', 'quay.io: {}\n', 'quay.io: {images: {}}\n'])('may name no images: %j', async (text) => {
    expect(await read(text)).toMatchObject({ repositories: [], empty: ['quay.io'] });
  });
});

describe('a problem of the file is named with its place', () => {
  it.each<[string, string, string]>([
    [
      'an unknown field',
      'quay.io:\n  images: {a: [v1]}\n  image-by-regex: {a: b}\n',
      '3:3: unknown key "image-by-regex"',
    ],
    ['an unknown field of a login', 'quay.io:\n  credentials:\n    user: a\n', '3:5: unknown key "user"'],
    ['a field that is no list', 'quay.io:\n  images:\n    a: v1\n', '3:5: '],
    ['a registry', 'quay.io:\n  images: {a: [v1]}\nhttps://quay.io:\n  images: {a: [v1]}\n', '3:1: '],
    ['a repository', 'quay.io:\n  images:\n    Team/App: [v1]\n', '3:5: '],
    ['a repository with a tag', 'quay.io:\n  images-by-tag-regex:\n    a:v1: x\n', '3:5: '],
    ['a tag', 'quay.io:\n  images:\n    a:\n      - v1\n      - ../x\n', '5:9: '],
    ['a short digest', 'quay.io:\n  images:\n    a:\n      - sha256:12\n', '4:9: '],
    ['a regular expression', 'quay.io:\n  images-by-tag-regex:\n    a: "("\n', '3:5: '],
    ['a range', 'quay.io:\n  images-by-semver:\n    a: latest\n', '3:5: '],
    ['a key twice', 'quay.io:\n  images: {a: [v1]}\n  images: {b: [v1]}\n', '3:3: '],
    ['no YAML', 'quay.io: [', '1:'],
  ])('%s', async (_name, text, place) => {
    expect((await problems(text)).some((problem) => problem.startsWith(place))).toBe(true);
  });

  it('TLS that is not verified is refused', async () => {
    const [first = ''] = await problems('quay.io:\n  images: {a: [v1]}\n  tls-verify: false\n');
    expect(first.startsWith('3:3: ')).toBe(true);
    expect(first).toContain('--ca-file');
    expect(first).toContain('--plain-http');
  });

  it('a password in a file with problems is not shown', async () => {
    const login = 'credentials: {username: john, password: tr0ub4dor3}';
    const [shown = ''] = await problems(`quay.io:\n  x-tr0ub4dor3: 1\n  ${login}\n`);
    expect(shown).toContain('x-***');
  });
});
