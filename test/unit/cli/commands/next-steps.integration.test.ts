import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import {
  afterFormat,
  afterLeft,
  afterMissing,
  afterUnmapped,
  afterValues,
} from '../../../../src/cli/commands/after-values.ts';
import {
  afterBundle,
  afterDamage,
  afterDiff,
  afterDrift,
  afterExtract,
  afterImages,
  afterInspect,
  afterLockFile,
  afterPush,
  afterPushPlan,
  afterReceipt,
  afterVerify,
} from '../../../../src/cli/commands/next-steps.ts';
import { parsed } from '../../../support/commands.ts';

/** Returns the words that a shell reads from the command in the first line, after checking that the plugin accepts them. */
function next(lines: readonly string[]): string[] {
  const [, line = ''] = /^next: (?:.*, then: )?(.*)$/.exec(lines[0] ?? '') ?? [];
  const words = execFileSync('sh', ['-c', `printf '%s\\0' ${line}`], { encoding: 'utf8' })
    .split('\0')
    .slice(0, -1);
  if (words[1] === 'airgap') parsed(...words.slice(2));
  return words;
}

/** Flags of a command line, each with its value. */
function flagsOf(words: readonly string[]): string[] {
  return words.flatMap((word, i) => (word.startsWith('-') ? [`${word} ${words[i + 1] ?? ''}`.trim()] : []));
}

const CHART = ['./my chart', '-f', "it's.yaml", '--set', 'a=1', '--kube-version', '1.35.0', '--no-tests'];

describe('after images', () => {
  it('the same charts are bundled, with the same values', () => {
    const command = parsed('images', ...CHART, '--what-if', '-o', 'table', '--mirror', 'a=b', '--confirm');
    const words = next(afterImages(command, [{ name: 'web' }]));
    expect(words.slice(0, 4)).toEqual(['helm', 'airgap', 'bundle', './my chart']);
    const flags = flagsOf(words);
    for (const flag of ["--values it's.yaml", '--set a=1', '--kube-version 1.35.0', '--mirror a=b', '--out web.tar'])
      expect(flags).toContain(flag);
    expect(words).toContain('--no-tests');
    for (const word of ['--what-if', '--confirm', '--output']) expect(words).not.toContain(word);
  });

  it('several charts have a bundle with a common name, also of a configuration file', () => {
    const words = next(afterImages(parsed('images', '--config', 'site.yaml'), [{ name: 'a' }, { name: 'b' }]));
    expect(words.slice(3)).toEqual(['--config', 'site.yaml', '--out', 'bundle.tar']);
  });

  it('a lock file is bundled, or written again if it is out of date', () => {
    const written = next(afterLockFile(parsed('images', ...CHART, '--lock', 'a.lock', '--mirror', 'a=b'), 'a.lock'));
    expect(written.slice(2)).toEqual(['bundle', '--lock', 'a.lock', '--mirror', 'a=b', '--out', 'bundle.tar']);
    const drift = next(afterDrift(parsed('images', ...CHART, '--check-lock', 'a.lock'), 'a.lock'));
    expect(flagsOf(drift)).toEqual(expect.arrayContaining(['--lock a.lock', "--values it's.yaml"]));
    expect(drift).not.toContain('--check-lock');
  });
});

describe('after bundle', () => {
  it('the file is carried over and pushed', () => {
    const lines = afterBundle(parsed('bundle', './a', '--out', 'a b.tar'), {
      status: 'written',
      file: 'a b.tar',
      parts: 3,
    });
    expect(lines[0]).toContain('a b.tar.parts.json and its 3 parts');
    expect(next(lines).slice(2)).toEqual(['push', 'a b.tar', '--to', 'REGISTRY']);
  });

  it('a signature is required', () => {
    const command = parsed('bundle', './a', '--out', 'a.tar', '--sign', 'key.pem');
    expect(next(afterBundle(command, { status: 'up-to-date', file: 'a.tar' }))).toContain('--require-signature');
  });

  it('a dry run is repeated without --dry-run', () => {
    const command = parsed('bundle', ...CHART, '--out', 'a.tar', '--dry-run', '--platform', 'linux/amd64');
    const words = next(afterBundle(command, { status: 'planned', file: 'a.tar' }));
    expect(words).not.toContain('--dry-run');
    expect(flagsOf(words)).toEqual(
      expect.arrayContaining(['--out a.tar', '--platform linux/amd64', "--values it's.yaml"]),
    );
  });
});

describe('after push', () => {
  const pushed = (...more: string[]) => parsed('push', 'a.tar', '--to', 'r.example/m', ...more);
  const to = 'r.example/m';
  const result = { to, target: { naming: 'host-path' }, charts: ['web'], isConfigured: false };

  it('overrides are written with the same names, from the same bundle', () => {
    const command = pushed(
      '--plain-http',
      'r.example',
      '--create-repositories',
      'never',
      '--profile',
      'p',
      '--region',
      'x',
    );
    const rules = [{ match: 'quay.io/*', to: 'q/{name}' }];
    const words = next(afterPush(command, { ...result, target: { naming: 'path', rules, chartPrefix: 'c' } }));
    expect(words.slice(2, 4)).toEqual(['values', 'web']);
    expect(flagsOf(words)).toEqual([
      ...[
        '--bundle a.tar',
        '--to r.example/m',
        '--naming path',
        '--naming-rule quay.io/*=q/{name}',
        '--chart-prefix c',
      ],
      ...['--plain-http r.example', '--region x', '--out overrides.yaml'],
    ]);
  });

  it('of several charts, of none, of several bundles, and of a configuration file', () => {
    const several = next(afterPush(pushed(), { ...result, charts: ['a', 'b'] }));
    expect(several).toEqual(expect.arrayContaining(['--all', '--out-dir']));
    expect(next(afterPush(pushed(), { ...result, charts: [] }))[3]).toBe('CHART');
    const two = next(afterPush(parsed('push', 'a', 'b', '--to', to), result));
    expect(flagsOf(two)).toContain('--bundle BUNDLE');
    const command = pushed('--config', 'c.yaml', '--var', 'a=b', '--naming', 'path');
    const config = next(afterPush(command, { ...result, isConfigured: true }));
    expect(flagsOf(config)).toEqual(
      expect.arrayContaining(['--config c.yaml', '--var a=b', '--naming path', '--out-dir overrides']),
    );
  });

  it('a dry run is repeated without --dry-run', () => {
    const words = next(afterPushPlan(pushed('--dry-run', '--exclude', '*x*', '-o', 'text')));
    expect(words.slice(2)).toEqual(['push', 'a.tar', '--to', to, '--exclude', '*x*']);
  });
});

describe('after values', () => {
  const written = { chart: 'web', version: '1.0.0', file: 'o.yaml', plainHttp: false, isConfigured: false };
  const nothing = { map: undefined, changedChart: undefined, pushed: undefined, namespace: undefined };
  const command = parsed('values', './web', '--to', 'r.example', ...CHART.slice(1), '--release-name', 'site');

  it('the chart is installed with the own values first', () => {
    const words = next(afterValues(command, { ...written, ...nothing, namespace: 'shop' }));
    expect(words.slice(0, 5)).toEqual(['helm', 'upgrade', '--install', 'site', './web']);
    expect(flagsOf(words).filter((flag) => flag.startsWith('--values'))).toEqual([
      "--values it's.yaml",
      '--values o.yaml',
    ]);
    expect(flagsOf(words)).toEqual(expect.arrayContaining(['--set a=1', '--namespace shop']));
  });

  it('the pushed or the changed chart is installed', () => {
    const pushed = next(
      afterValues(command, { ...written, ...nothing, pushed: 'oci://r.example/charts/web', plainHttp: true }),
    );
    expect(pushed.slice(4, 8)).toEqual(['oci://r.example/charts/web', '--version', '1.0.0', '--plain-http']);
    const changed = next(afterValues(command, { ...written, ...nothing, changedChart: 'web.tgz' }));
    expect(changed[4]).toBe('web.tgz');
  });

  it('the post-renderer and unknown files are placeholders', () => {
    const words = next(
      afterValues(command, { ...written, ...nothing, file: undefined, map: 'm.json', isConfigured: true }),
    );
    expect(words).toEqual(expect.arrayContaining(['POST_RENDERER', '--map=m.json', 'OVERRIDES.yaml', 'VALUES.yaml']));
  });

  it('what is left public is redirected in another way', () => {
    expect(next(afterUnmapped(command, undefined, 'web'))).toEqual(
      expect.arrayContaining(['--unmapped=post-render', '--out', 'web.yaml', './web', "it's.yaml"]),
    );
    const mapped = parsed('values', './web', '--to', 'r.example', '--unmapped', 'post-render', '--out', 'o.yaml');
    expect(next(afterUnmapped(mapped, 'post-render', 'web')).slice(2)).toEqual([
      'values',
      './web',
      '--to',
      'r.example',
      '--out',
      'o.yaml',
      '--unmapped=repack',
    ]);
    expect(flagsOf(next(afterUnmapped(mapped, 'repack', 'web')))).toContain('--format containerd');
    expect(flagsOf(next(afterLeft(command)))).toContain('--out-dir certs.d');
  });

  it('missing images are bundled, with the same values or by name', () => {
    expect(next(afterMissing(command, ['a/b:1']))).toEqual(expect.arrayContaining(["it's.yaml", 'CHART', 'BUNDLE']));
    const plain = parsed('values', 'web', '--bundle', 'a.tar', '--to', 'r.example');
    expect(flagsOf(next(afterMissing(plain, ['a/b:1', 'c/d:2'])))).toEqual([
      '--image a/b:1',
      '--image c/d:2',
      '--out BUNDLE',
    ]);
    expect(next(afterMissing(plain, ['a', 'b', 'c', 'd']))).toContain('--images');
  });

  it('each format has its own step', () => {
    const install = () => ['next: x'];
    expect(next(afterFormat('flux', 'a b', install))).toEqual(['kubectl', 'apply', '-f', 'a b']);
    expect(afterFormat('aggregate', 'a', install)).toEqual(install());
    expect(afterFormat('containerd', 'certs.d', install)[0]).toContain('certs.d');
    expect(next(afterFormat('kustomize', 'k', install))[0]).toBe('kubectl');
    expect(afterFormat('map', 'a', install)).toEqual([]);
  });
});

it('the steps after other commands are accepted by the plugin', () => {
  expect(next(afterVerify('-a.tar', [])).slice(2)).toEqual(['push', './-a.tar', '--to', 'REGISTRY']);
  const signed = flagsOf(next(afterVerify('a.tar', ['k.pub', 'l.pub'])));
  expect(signed).toEqual(expect.arrayContaining(['--require-signature k.pub', '--require-signature l.pub']));
  expect(next(afterDamage('a.tar')).slice(2)).toEqual(['verify', 'a.tar']);
  expect(next(afterInspect('a.tar')).slice(2)).toEqual(['verify', 'a.tar']);
  expect(next(afterDiff('a.tar', 'b.tar'))).toEqual(expect.arrayContaining(['push', 'b.tar', '--retire', 'a.tar']));
  expect(next(afterDiff('a.lock.json', 'b.tar'))).not.toContain('--retire');
  expect(afterDiff('a.tar', 'b.lock.json')).toEqual([]);
  expect(next(afterReceipt('r.example/m', 'r.json', 'a.tar'))).toEqual(
    expect.arrayContaining(['push', 'a.tar', 'r.json']),
  );
  expect(next(afterExtract('chart', 'a.tgz'))).toEqual(['helm', 'show', 'chart', 'a.tgz']);
  expect(next(afterExtract('image', 'a.tar'))).toEqual(['podman', 'load', '-i', 'a.tar']);
});
