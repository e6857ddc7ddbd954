import { describe, expect, it } from 'vitest';
import type { AirgapError } from '../../../src/base/errors.ts';
import {
  chartRepository,
  chartTag,
  checkCollisions,
  formatTarget,
  isUnderTarget,
  parseTarget,
  targetRepository,
  targetText,
} from '../../../src/oci/naming.ts';
import { formatReference, formatRepository, parseReference, tryParseReference } from '../../../src/oci/reference.ts';

const target = parseTarget('ecr.example/mirrored', 'host-path');
const byPath = parseTarget('ecr.example/mirrored', 'path');
const DIGEST = `sha256:${'0'.repeat(64)}`;

function refusal(run: () => unknown): AirgapError {
  try {
    run();
  } catch (error) {
    return error as AirgapError;
  }
  throw new Error('nothing was refused');
}

describe('parseTarget', () => {
  it.each([
    ['ecr.example', 'ecr.example', ''],
    ['ecr.example/', 'ecr.example', ''],
    ['ecr.example:5000/a/b/', 'ecr.example:5000', 'a/b'],
    ['localhost/a', 'localhost', 'a'],
    ['127.0.0.1:5000', '127.0.0.1:5000', ''],
    ['[::1]:5000/a', '[::1]:5000', 'a'],
    ['docker.io/someone', 'docker.io', 'someone'],
    ['index.docker.io/someone', 'docker.io', 'someone'],
  ])('%s is the registry %s with the prefix "%s"', (text, registry, prefix) => {
    expect(parseTarget(text, 'path')).toEqual({ registry, prefix, naming: 'path' });
  });

  it.each([
    '',
    '/',
    '/a',
    'mirrored',
    'mirrored/a',
    'https://ecr.example/a',
    'oci://ecr.example/a',
    'ecr.example//a',
    'ecr.example/A',
    'ecr.example/a:1',
    `ecr.example/a@${DIGEST}`,
    'ecr.example:x/a',
    'ecr.example/a b',
    'ecr.example/-a',
    'user@ecr.example/a',
  ])('%j is wrong usage, and says so', (text) => {
    const error = refusal(() => parseTarget(text, 'path'));
    expect(error).toMatchObject({ code: 'usage', exitCode: 2 });
    expect(error.message).toContain('--to');
    expect(error.hint).toMatch(/REGISTRY\[\/PREFIX\]/);
  });

  it('shows no password that stands in a URL', () => {
    expect(refusal(() => parseTarget('https://me:hunter22@ecr.example', 'path')).message).not.toContain('hunter22');
  });

  it('is written back as it was', () => {
    expect(formatTarget(parseTarget('ecr.example:5000/a/b', 'path'))).toBe('ecr.example:5000/a/b');
    expect(formatTarget(parseTarget('ecr.example', 'path'))).toBe('ecr.example');
  });
});

describe('the private name', () => {
  it.each([
    ['nginx', 'ecr.example/mirrored/docker.io/library/nginx:latest', 'ecr.example/mirrored/library/nginx:latest'],
    ['quay.io/org/app:1', 'ecr.example/mirrored/quay.io/org/app:1', 'ecr.example/mirrored/org/app:1'],
    [
      `quay.io/org/app:1@${DIGEST}`,
      `ecr.example/mirrored/quay.io/org/app:1@${DIGEST}`,
      `ecr.example/mirrored/org/app:1@${DIGEST}`,
    ],
    ['reg.example:5000/a:1', 'ecr.example/mirrored/reg.example-5000/a:1', 'ecr.example/mirrored/a:1'],
    ['Reg.Example/a:1', 'ecr.example/mirrored/reg.example/a:1', 'ecr.example/mirrored/a:1'],
    ['[fe80::1]:5000/a:1', 'ecr.example/mirrored/fe80--1-5000/a:1', 'ecr.example/mirrored/a:1'],
    ['[::1]:5000/a:1', 'ecr.example/mirrored/1-5000/a:1', 'ecr.example/mirrored/a:1'],
  ])('of %s is %s, or by path %s', (source, hostPath, path) => {
    expect(targetText(target, parseReference(source))).toBe(hostPath);
    expect(targetText(byPath, parseReference(source))).toBe(path);
    expect(tryParseReference(hostPath), 'a name that registries take').toBeDefined();
  });

  it('stands at the root of a registry without prefix', () => {
    const root = parseTarget('ecr.example', 'host-path');
    expect(targetText(root, parseReference('nginx:1'))).toBe('ecr.example/docker.io/library/nginx:1');
  });

  it('is under the target, and nothing else is', () => {
    const image = parseReference('quay.io/org/app:1');
    expect(isUnderTarget(target, image)).toBe(false);
    expect(isUnderTarget(target, parseReference(targetText(target, image)))).toBe(true);
    expect(isUnderTarget(target, parseReference('ecr.example/mirrored2/app:1'))).toBe(false);
    expect(isUnderTarget(target, parseReference('ecr.example/mirrored:1'))).toBe(false);
    expect(isUnderTarget(parseTarget('ecr.example', 'path'), parseReference('ecr.example/x:1'))).toBe(true);
  });

  it('of a chart keeps name and version, and writes + as helm push does', () => {
    expect(formatRepository(chartRepository(target, 'web'))).toBe('ecr.example/mirrored/charts/web');
    expect(formatRepository(chartRepository(parseTarget('ecr.example', 'path'), 'web'))).toBe('ecr.example/charts/web');
    expect(chartTag('v1.2.3-rc.1+build.5+x')).toBe('v1.2.3-rc.1_build.5_x');
  });
});

describe('checkCollisions', () => {
  const repositories = (...texts: string[]) => texts.map((text) => parseReference(text));

  it('names both that would become one, and what to do', () => {
    const error = refusal(() => checkCollisions(byPath, repositories('quay.io/org/app', 'ghcr.io/org/app')));
    expect(error.code).toBe('collision');
    expect(error.message).toContain('quay.io/org/app and ghcr.io/org/app');
    expect(error.message).toContain('ecr.example/mirrored/org/app');
    expect(error.hint).toContain('--naming host-path');
  });

  it('names every pair', () => {
    const names = ['quay.io/a/b', 'ghcr.io/a/b', 'quay.io/c/d', 'ghcr.io/c/d', 'docker.io/a/b'];
    const { message } = refusal(() => checkCollisions(byPath, repositories(...names)));
    for (const name of names) expect(message).toContain(name);
  });

  it('finds a port that is written like a host, where the other naming is no way out', () => {
    const error = refusal(() => checkCollisions(target, repositories('reg.io:5000/x', 'reg.io-5000/x')));
    expect(error.message).toContain('reg.io:5000/x and reg.io-5000/x');
    expect(error.hint).not.toContain('host-path');
  });

  it('lets the same repository come several times, with several tags', () => {
    expect(() =>
      checkCollisions(byPath, repositories('quay.io/a/b:1', 'quay.io/a/b:2', 'quay.io/a/b:1')),
    ).not.toThrow();
  });

  it('finds none with the host in the name', () => {
    expect(() => checkCollisions(target, repositories('quay.io/a/b', 'ghcr.io/a/b', 'a/b', 'b'))).not.toThrow();
  });

  it('agrees with the mapping', () => {
    const [a, b] = repositories('quay.io/a/b', 'ghcr.io/a/b');
    if (a === undefined || b === undefined) throw new Error('two');
    expect(targetRepository(byPath, a)).toEqual(targetRepository(byPath, b));
    expect(formatReference({ ...targetRepository(byPath, a), tag: '1' })).toBe('ecr.example/mirrored/a/b:1');
  });
});
