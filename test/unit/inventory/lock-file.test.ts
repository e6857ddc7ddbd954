import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { formatLockFile, type LockFile, lockFileSchema } from '../../../src/inventory/lock-file.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import fc from '../../support/property.ts';

const digest = digestOf(Buffer.from('x'));
const other = digestOf(Buffer.from('y'));

const lockFile: LockFile = {
  apiVersion: 'airgap/v1',
  kind: 'LockFile',
  charts: [
    {
      name: 'web',
      version: '1.10',
      chart: 'web',
      repo: 'https://charts.example',
      digest,
      profiles: [
        { name: 'default', kubeVersion: '1.33', apiVersions: ['monitoring.coreos.com/v1'] },
        { name: 'production' },
      ],
    },
    { name: 'db', version: '2.0.0', chart: './db', dependencyUpdate: true, digest: '', parent: 'web', profiles: [] },
  ],
  images: [
    { reference: 'quay.io/a/b:1', digest: '', need: 'operand', confidence: 'likely', charts: ['db', 'web'] },
    { reference: 'docker.io/library/nginx:1.27', digest, need: 'install', confidence: 'certain', charts: [] },
  ],
  choices: [{ rule: 'exclude', pattern: 'debug*', reason: 'not here', references: ['docker.io/library/debug:1'] }],
};

const minimal = { apiVersion: 'airgap/v1', kind: 'LockFile' };

function read(value: unknown): LockFile {
  return lockFileSchema.parse(value);
}

function problems(value: unknown): string[] {
  const { error } = lockFileSchema.safeParse(value);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('a lock file', () => {
  it('reads back what it writes, with charts in order and images sorted by reference', () => {
    const { images, ...rest } = lockFile;
    expect(read(parse(formatLockFile(lockFile, 'airgap.lock')))).toEqual({ ...rest, images: images.toReversed() });
  });

  it('does not depend on the order of images and does not modify its input', () => {
    const text = formatLockFile(lockFile, 'airgap.lock');
    expect(formatLockFile({ ...lockFile, images: lockFile.images.toReversed() }, 'airgap.lock')).toBe(text);
    expect(lockFile.images[0]?.reference).toBe('quay.io/a/b:1');
  });

  it('begins with commands to renew and check it under its own name', () => {
    const text = formatLockFile(lockFile, 'platform.lock');
    expect(text.split('\n').slice(0, 4).join('\n')).toMatch(/^# .*\n# renew: .*--lock platform\.lock.*\n# check: /);
  });

  it('has one line for each field and keeps lists within an entry on one line', () => {
    const lines = formatLockFile(lockFile, 'airgap.lock').split('\n');
    expect(lines).toContain('    version: "1.10"');
    expect(lines).toContain('  - reference: docker.io/library/nginx:1.27');
    expect(lines).toContain('    digest: ""');
    expect(lines).toContain('    charts: [db, web]');
    expect(lines).toContain(
      '    profiles: [{name: default, kubeVersion: "1.33", apiVersions: [monitoring.coreos.com/v1]}, {name: production}]',
    );
  });

  it('keeps any text unchanged', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1, unit: 'grapheme' }), (name, source) => {
        const charts = [{ name: 'web', version: '1.0.0', chart: source, digest, profiles: [{ name }] }];
        expect(read(parse(formatLockFile({ ...lockFile, charts }, 'x'))).charts).toEqual(charts);
      }),
    );
  });
});

describe('a lock file written by hand', () => {
  it('may be short: lists and digests default to empty, references are normalized', () => {
    const image = { reference: 'nginx', need: 'install', confidence: 'certain' };
    expect(read({ ...minimal, images: [image] })).toEqual({
      ...minimal,
      charts: [],
      choices: [],
      images: [{ ...image, reference: 'docker.io/library/nginx:latest', digest: '', charts: [] }],
    });
  });

  const image = { reference: 'nginx:1', need: 'install', confidence: 'certain' };
  it.each<[string, object, string]>([
    ['an unknown key', { image: [] }, '"image"'],
    ['an invalid chart name', { charts: [{ name: '../web', version: '1.0.0' }] }, 'charts.0.name: '],
    ['an invalid chart version', { charts: [{ name: 'web', version: '1?x' }] }, 'charts.0.version: '],
    ['an incomplete digest', { images: [{ ...image, digest: 'sha256:abc' }] }, 'images.0.digest: '],
    ['an invalid reference', { images: [{ ...image, reference: 'A b' }] }, 'images.0.reference: "A b"'],
    ['an unknown need', { images: [{ ...image, need: 'now' }] }, 'images.0.need: '],
    [
      'another digest than the reference has',
      { images: [{ ...image, reference: `nginx@${digest}`, digest: other }] },
      'images.0.digest: ',
    ],
    [
      'an image twice, however it is written',
      { images: [image, { ...image, reference: 'docker.io/library/nginx:1' }] },
      'images.1.reference: ',
    ],
    ['a chart without a version', { charts: [{ name: 'a', chart: './a' }] }, 'charts.0.version: '],
    ['a number for a version', { charts: [{ name: 'a', chart: './a', version: 1.1 }] }, 'charts.0.version: '],
  ])('is refused: %s', (_, content, expected) => {
    const found = problems({ ...minimal, ...content });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(expected);
  });

  it('of a newer version is reported as newer, not as invalid', () => {
    expect(problems({ apiVersion: 'airgap/v2', kind: 'LockFile', entirely: 'different' })).toEqual([
      expect.stringMatching(/^apiVersion: airgap\/v2 .*airgap\/v1/),
    ]);
  });

  it.each([undefined, null, 'text', [], { kind: 'Config', apiVersion: 'airgap/v1', charts: [] }])(
    'is not: %j',
    (value) => {
      expect(problems(value)).toEqual([expect.stringMatching(/^kind: .*LockFile/)]);
    },
  );
});
