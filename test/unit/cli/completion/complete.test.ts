import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { chartArtifact } from '../../../../src/bundle/format/chart-artifact.ts';
import { complete, completionText } from '../../../../src/cli/completion/complete.ts';
import { chart, NAMES, registry, write } from '../../../support/bundles.ts';
import { noise } from '../../../support/memory-registry.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const folder = scratchFolder();

/** A chart of which the bundle has two versions. */
const versioned = (version: string) =>
  chartArtifact({ metadata: { apiVersion: 'v2', name: 'twice', version }, tgz: noise(version, 500) });

beforeAll(async () => {
  const source = registry();
  source.addImage('evil.example/x', '1.0', [noise('x', 10)]);
  await write(join(folder, 'app.tar'), source, { charts: [chart, versioned('1.0.0'), versioned('2.0.0')] });
  mkdirSync(join(folder, 'dir'));
  writeFileSync(join(folder, 'torn.tar'), 'no bundle');
});

/** Completes a line of words; the last one may be empty. */
const at = (line: string) => complete(line.split(' '), { cwd: folder, env: { HOME: folder } });
const names = async (line: string): Promise<string[]> =>
  (await at(line)).lines.map((text) => text.split('\t')[0] ?? '');

describe('flags', () => {
  it('have descriptions, and are offered once, unless they can be repeated', async () => {
    expect((await at('bundle --spl')).lines).toEqual([expect.stringMatching(/^--split-size\t\w/)]);
    expect(await names('bundle --split-size 1GiB --split')).toEqual([]);
    expect(await names('bundle --exclude a --exclu')).toEqual(['--exclude']);
    expect(await names('bundle -- --spl')).toEqual([]);
    expect(await names('access export --fro')).toEqual(['--from']);
    expect(await names('bundle --no-such')).toEqual([]);
  });

  it('offer fixed choices', async () => {
    expect(await names('inspect -o ')).toEqual(expect.arrayContaining(['json', 'cyclonedx']));
    expect(await names('inspect app.tar --output=cy')).toEqual(['cyclonedx']);
    expect(await names('push --on-existing-tag s')).toEqual(['skip']);
    expect(await names('schema ')).toEqual(['config', 'lock-file', 'inventory']);
  });

  it('offer the profiles of AWS', async () => {
    expect(await names('push --profile ')).toEqual([]);
    mkdirSync(join(folder, '.aws'));
    writeFileSync(join(folder, '.aws/config'), '[default]\n[profile prod]\nx=[y]\n[sso-session s]\n[profile "a b"]\n');
    writeFileSync(join(folder, '.aws/credentials'), ' [ ci ]\n[prod]\n[profile $(x)]\n');
    expect(await names('push --profile ')).toEqual(['ci', 'default', 'prod']);
    expect(await names('push --profile p')).toEqual(['prod']);
  });

  it.each([
    ['images --config ', 'extensions'],
    ['bundle --out ', 'files'],
    ['values x --out-dir ', 'folders'],
    ['push --to ', 'nothing'],
    ['images ', 'files'],
    ['verify ', 'files'],
    ['push a.tar ', 'files'],
    ['inspect a.tar ', 'nothing'],
    ['login ', 'nothing'],
    ['version ', 'nothing'],
    ['no-such-command ', 'nothing'],
    ['access no-such ', 'nothing'],
    ['', 'nothing'],
  ])('%j: %s', async (line, directive) => {
    expect((await at(line)).directive).toBe(directive);
  });
});

describe('names in a bundle', () => {
  it('are charts and images, of the bundle that the line names', async () => {
    const charts = ['demo', 'twice@1.0.0', 'twice@2.0.0'];
    expect((await names('extract app.tar --chart ')).sort()).toEqual(charts);
    expect(await names('extract --chart de')).toEqual([]);
    expect(await names('extract --out x.tgz app.tar --chart=de')).toEqual(['demo']);
    expect((await names('extract app.tar --image ')).sort()).toEqual([...NAMES].sort());
    expect(await names('push app.tar app.tar --image quay.io/m')).toEqual(['quay.io/multi:3']);
    expect((await names('values --bundle app.tar ')).sort()).toEqual(charts);
    expect(await names('check --bundle=app.tar tw')).toEqual(['twice@1.0.0', 'twice@2.0.0']);
    expect((await at('values --bundle app.tar ./f')).directive).toBe('files');
  });

  it.each(['extract torn.tar --chart ', 'extract none.tar --chart ', 'extract dir --image '])(
    'problems are silent: %s',
    async (line) => {
      expect(await at(line)).toEqual({ lines: [], directive: 'nothing' });
    },
  );
});

it('foreign names are words that a shell takes as they are', async () => {
  const { offer } = await import('../../../../src/cli/completion/complete.ts');
  const plain = ['a', 'quay.io/a/b:1', 'a@1.0.0+b', 'r:5000/x@sha256:00', '_x'];
  const hostile = ['a b', '$(reboot)', '`x`', 'a;b', "a'b", 'a\nb', 'a\tb', ':4', '-rf', '~', 'a*', 'a\u202eb', ''];
  expect(offer([...plain, ...hostile], '').lines).toEqual(plain);
});

it('ends with the directive as cobra counts them', () => {
  expect(completionText({ lines: ['a\tb', 'c'], directive: 'nothing' })).toBe('a\tb\nc\n:4\n');
  expect(completionText({ lines: [], directive: 'files' })).toBe(':0\n');
});
