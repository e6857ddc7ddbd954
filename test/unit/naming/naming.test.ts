import { describe, expect, it } from 'vitest';
import {
  chartArchiveRepository,
  chartRepository,
  chartsPath,
  chartTag,
  formatTarget,
  formatTargetReference,
  hasTargetHost,
  isUnderTarget,
  parseSharedTag,
  parseTarget,
  sharedTag,
  targetRepository,
  usesWrittenNames,
} from '../../../src/naming/naming.ts';
import { NAMINGS, parseNamingRule } from '../../../src/naming/naming-template.ts';
import { formatReference, formatRepository, parseReference, tryParseReference } from '../../../src/oci/reference.ts';
import fc from '../../support/property.ts';
import { refusal } from '../../support/refusal.ts';

const target = parseTarget('ecr.example/mirrored', 'host-path');
const byPath = parseTarget('ecr.example/mirrored', 'path');
const DIGEST = `sha256:${'0'.repeat(64)}`;

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
  ])('%j is a usage error', (text) => {
    const error = refusal(() => parseTarget(text, 'path'));
    expect(error).toMatchObject({ code: 'usage', exitCode: 2 });
    expect(error.message).toContain('--to');
    expect(error.hint).toContain('REGISTRY[/PREFIX]');
  });

  it('does not repeat the password of a URL', () => {
    expect(refusal(() => parseTarget('https://me:hunter22@ecr.example', 'path')).message).not.toContain('hunter22');
  });

  it('has its host in lower case, by which credentials are looked up', () => {
    expect(formatTarget(parseTarget('ECR.Example:5000/a', 'path'))).toBe('ecr.example:5000/a');
  });

  it('is formatted as it was given', () => {
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
    expect(formatTargetReference(target, parseReference(source))).toBe(hostPath);
    expect(formatTargetReference(byPath, parseReference(source))).toBe(path);
    expect(tryParseReference(hostPath), 'a name that registries take').toBeDefined();
  });

  it('is at the root of the registry without a prefix', () => {
    const root = parseTarget('ecr.example', 'host-path');
    expect(formatTargetReference(root, parseReference('nginx:1'))).toBe('ecr.example/docker.io/library/nginx:1');
  });

  it('is recognized as under the target; other names are not', () => {
    const image = parseReference('quay.io/org/app:1');
    expect(isUnderTarget(target, image)).toBe(false);
    expect(isUnderTarget(target, parseReference(formatTargetReference(target, image)))).toBe(true);
    expect(isUnderTarget(target, parseReference('ecr.example/mirrored2/app:1'))).toBe(false);
    const withPort = parseTarget('ecr.example:5000/m', 'host-path');
    const near = ['ecr.example/m/app:1', 'ecr.example:50001/m/app:1', 'ecr.exampleacme/app:1'];
    expect(near.map((name) => hasTargetHost(withPort, name))).toEqual([true, true, true]);
    const others = ['ecr.example.org/m/app:1', 'quay.io/ecr.example/app:1', 'ecr.example-old/app'];
    expect(others.map((name) => hasTargetHost(withPort, name))).toEqual([false, false, false]);
    expect(isUnderTarget(target, parseReference('ecr.example/mirrored:1'))).toBe(false);
    expect(isUnderTarget(parseTarget('ecr.example', 'path'), parseReference('ecr.example/x:1'))).toBe(true);
  });

  it('of a chart keeps name and version, and writes + as helm push does', () => {
    expect(formatRepository(chartRepository(target, 'web'))).toBe('ecr.example/mirrored/charts/web');
    expect(formatRepository(chartRepository(parseTarget('ecr.example', 'path'), 'web'))).toBe('ecr.example/charts/web');
    expect(chartTag('v1.2.3-rc.1+build.5+x')).toBe('v1.2.3-rc.1_build.5_x');
  });
});

describe('a naming', () => {
  const name = (naming: string, source: string, options = {}): string =>
    formatTargetReference(parseTarget('us.icr.io/ns', naming, options), parseReference(source));

  it.each([
    ['name', 'docker.io/milvusdb/milvus:v2.5.15', 'us.icr.io/ns/milvus:v2.5.15'],
    ['single-repository', 'quay.io/org/app:1', 'us.icr.io/ns:1---quay.io--org--app'],
    ['single-repository', `quay.io/org/app:1@${DIGEST}`, `us.icr.io/ns:1@${DIGEST}`],
    ['{host}-{name}', 'reg.io:5000/org/app:1', 'us.icr.io/ns/reg.io-5000-app:1'],
    ['third/{folder}/{name}', 'reg.io/app:1', 'us.icr.io/ns/third/app:1'],
    ['third/{folder}/{name}', 'reg.io/a/b/app:1', 'us.icr.io/ns/third/a/b/app:1'],
  ])('%s puts %s at %s', (naming, source, target) => {
    expect(name(naming, source)).toBe(target);
  });

  it('as-written follows the charts, else the full name', () => {
    const writtenNames = new Map([['docker.io/amazon/aws-cli', 'amazon/aws-cli']]);
    expect(name('as-written', 'amazon/aws-cli:2.1', { writtenNames })).toBe('us.icr.io/ns/amazon/aws-cli:2.1');
    expect(name('as-written', 'quay.io/a/b:1', { writtenNames })).toBe('us.icr.io/ns/quay.io/a/b:1');
    expect(usesWrittenNames(parseTarget('us.icr.io/ns', 'as-written'))).toBe(true);
    expect(usesWrittenNames(parseTarget('us.icr.io/ns', 'path', { rules: [{ match: 'x', to: '{written}' }] }))).toBe(
      true,
    );
    expect(usesWrittenNames(parseTarget('us.icr.io/ns', 'path'))).toBe(false);
  });

  it('applies after the rules; the first matching rule wins', () => {
    const rules = ['quay.io/strimzi/kafka=kafka', 'quay.io/strimzi/*=strimzi/{name}', 'nginx=web', '*/a=path'].map(
      parseNamingRule,
    );
    expect(name('name', 'quay.io/strimzi/kafka:1', { rules })).toBe('us.icr.io/ns/kafka:1');
    expect(name('name', 'quay.io/strimzi/operator:1', { rules })).toBe('us.icr.io/ns/strimzi/operator:1');
    expect(name('name', 'docker.io/library/nginx:1', { rules })).toBe('us.icr.io/ns/web:1');
    expect(name('name', 'quay.io/x/a:1', { rules })).toBe('us.icr.io/ns/x/a:1');
    expect(name('name', 'quay.io/x/b:1', { rules })).toBe('us.icr.io/ns/b:1');
  });

  it('is followed by the conversion to toLegalPath repository paths', () => {
    const toLegalPath = (path: string): string => path.replaceAll('__', '_');
    expect(name('name', 'quay.io/x/b__c:1', { toLegalPath })).toBe('us.icr.io/ns/b_c:1');
  });

  it('never leaves the target, whatever the name contains', () => {
    const text = fc.oneof(
      fc.string(),
      fc
        .array(fc.constantFrom('..', '.', '', '%2e%2e', 'a', 'A', '?x=', '#', '\\', 'prod'))
        .map((all) => all.join('/')),
    );
    fc.assert(
      fc.property(text, fc.constantFrom(...NAMINGS), fc.boolean(), (hostile, naming, isChart) => {
        const target = parseTarget('r.example/team/mirrored', naming, {
          writtenNames: new Map([['quay.io/a', hostile]]),
        });
        try {
          const source = { registry: 'quay.io', path: naming === 'as-written' ? 'a' : hostile };
          const { registry, path } = isChart ? chartRepository(target, hostile) : targetRepository(target, source);
          expect(registry).toBe('r.example');
          expect(`${new URL(`https://r.example/v2/${path}/`).pathname}`).toBe(`/v2/${path}/`);
          expect(`${path}/`).toMatch(/^team\/mirrored\//);
        } catch (error) {
          expect(error).toMatchObject({ code: 'reference-invalid' });
        }
      }),
      { numRuns: 500 },
    );
    const target = parseTarget('r.example/team/mirrored', 'host-path');
    for (const chart of ['../../../prod/app', 'MyChart', '', 'a/../../b', '%2e%2e'])
      expect(() => chartRepository(target, chart), chart).toThrow(
        expect.objectContaining({ code: 'reference-invalid' }),
      );
  });

  it('can give charts a prefix of their own', () => {
    const targetIn = (chartPrefix: string): string =>
      formatRepository(chartRepository(parseTarget('r.example/m', 'path', { chartPrefix }), 'web'));
    expect(targetIn('helm')).toBe('r.example/helm/web');
    expect(targetIn('')).toBe('r.example/web');
  });

  it.each([
    ['names', '--naming names'],
    ['{host}/{nam}', ' {nam}'],
    ['Mirror/{name}', '--naming Mirror/{name}'],
    ['{name}:{host}', '--naming {name}:{host}'],
  ])('%s is a usage error that names %s', (naming, fact) => {
    const error = refusal(() => parseTarget('r.example/m', naming));
    expect(error.code).toBe('usage');
    expect(error.message).toContain(fact);
  });

  it.each([
    () => parseNamingRule('quay.io/a'),
    () => parseNamingRule('=a'),
    () => parseNamingRule('quay.io/*={x}'),
    () => parseTarget('r.example', 'single-repository'),
    () => parseTarget('r.example', 'path', { rules: [{ match: '*', to: '' }] }),
    () => parseTarget('r.example', 'path', { chartPrefix: '/helm' }),
  ])('that is invalid is refused: %s', (run) => {
    expect(refusal(run).code).toBe('usage');
  });

  it('of a single repository has every tag under the target', () => {
    const single = parseTarget('r.example/m', 'single-repository');
    expect(isUnderTarget(single, parseReference('r.example/m:1'))).toBe(true);
    expect(isUnderTarget(single, parseReference('r.example/m2:1'))).toBe(false);
  });
});

describe('a target', () => {
  it.each(['r.example:99999/m', '256.1.1.1/m', 'gone.127.0.0.1:80/m'])('must have a valid host: %s', (text) => {
    expect(() => parseTarget(text, 'host-path')).toThrow(
      expect.objectContaining({ code: 'usage', hint: expect.stringContaining('65535') }),
    );
  });

  it('must not contain credentials, which are not repeated', () => {
    const refused = {
      code: 'usage',
      hint: expect.stringContaining('helm airgap login'),
      message: expect.not.stringContaining('pw'),
    };
    expect(() => parseTarget('user:pw@r.example/m', 'host-path')).toThrow(expect.objectContaining(refused));
  });

  it('must be in lower case; the hint gives the corrected form', () => {
    expect(() => parseTarget('r.example/Team/M', 'host-path')).toThrow(
      expect.objectContaining({ code: 'usage', hint: expect.stringContaining('--to r.example/team/m') }),
    );
  });
});

const of = (text: string): string => sharedTag(parseReference(text));

describe('the tag of an image in a shared repository', () => {
  it.each([
    ['nginx', 'latest---docker.io--library--nginx'],
    ['quay.io/jetstack/cert-manager-webhook:v1.17.2', 'v1.17.2---quay.io--jetstack--cert-manager-webhook'],
    ['reg.example:5000/a/b_c__d:1.0-rc.1', '1.0-rc.1---reg.example_5000--a--b_c__d'],
    ['Reg.Example/a:x---y.z--w', 'x---y.z--w---Reg.Example--a'],
  ])('of %s identifies the image', (source, tag) => {
    expect(of(source)).toBe(tag);
    expect(formatReference(parseSharedTag(tag) ?? parseReference('none'))).toBe(
      formatReference(parseReference(source)),
    );
  });

  it('ends with a hash when it is too long or ambiguous', () => {
    const long = `quay.io/${'very-long-name/'.repeat(9)}app:v1.2.3`;
    expect(of(long)).toMatch(/^v1\.2\.3---quay\.io--very-long-name--.*---[0-9a-f]{12}$/);
    expect(of(long)).toHaveLength(128);
    expect(of('quay.io/a--b:1')).toMatch(/^1---quay\.io--a--b---[0-9a-f]{12}$/);
    expect(of('[::1]:5000/a:1')).toMatch(/---[0-9a-f]{12}$/);
    expect(parseSharedTag(of(long))).toBeUndefined();
  });

  it('is a valid tag and unique', () => {
    const letters = fc.constantFrom('a', 'b', '1', '-', '--', '---', '_', '__', '.', '/', '0f3a5c7e9b1d');
    const path = fc.array(letters, { minLength: 1, maxLength: 40 }).map((all) => all.join(''));
    const tag = fc.stringMatching(/^\w[\w.-]{0,20}$/);
    const host = fc.constantFrom('a.b', 'a.b:5000', 'a.b-5000', 'A.b', '[::1]', '[::1]:5000', '[1::]:5000', 'a.b--c');
    const image = fc
      .tuple(host, path, tag)
      .map(([host, name, version]) => `${host}/${name}:${version}`)
      .filter((text) => tryParseReference(text) !== undefined);
    fc.assert(
      fc.property(image, image, (one, other) => {
        expect(tryParseReference(`r.example/m:${of(one)}`)).toBeDefined();
        if (formatReference(parseReference(one)) !== formatReference(parseReference(other)))
          expect(of(one)).not.toBe(of(other));
      }),
    );
  });
});

describe('chart archives', () => {
  it('have a path of their own, or that of charts', () => {
    const target = parseTarget('r.example/m', 'host-path', { chartPrefix: 'helm' });
    expect(chartArchiveRepository(target, 'app')).toEqual(chartRepository(target, 'app'));
    const apart = { ...target, archivePrefix: 'm/installed' };
    expect(chartArchiveRepository(apart, 'app')).toEqual({ registry: 'r.example', path: 'm/installed/app' });
    expect([chartRepository(apart, 'app').path, chartsPath(apart)]).toEqual(['helm/app', 'helm']);
    for (const name of ['../app', 'App', 'a/b'])
      expect(() => chartArchiveRepository(apart, name)).toThrow(expect.objectContaining({ code: 'reference-invalid' }));
  });
});
