import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { hurry } from '../../../faults/clock.ts';
import { createProgram } from '../../../src/cli/program.ts';
import type { Edge } from '../../../src/cli/run.ts';
import { VERSION } from '../../../src/cli/version.ts';
import { freePort } from '../../support/registry.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { airgap, Terminal } from './terminal.ts';

const program = createProgram({} as Edge);
const COMMANDS = program.commands.map((command) => command.name());

const folder = scratchFolder();

describe('what Helm takes away from a plugin', () => {
  // Helm's own global flags are eaten wherever they stand, some with the word behind them (pkg/cli, loadPlugins).
  const EATEN = [
    '--debug',
    '--kube-context',
    '--namespace',
    '-n',
    '--kubeconfig',
    '--kube-apiserver',
    '--kube-token',
    '--kube-as-user',
    '--kube-as-group',
    '--kube-ca-file',
    '--kube-tls-server-name',
    '--kube-insecure-skip-tls-verify',
    '--registry-config',
    '--repository-cache',
    '--repository-config',
  ];

  it.each([program, ...program.commands].map((command) => [command.name(), command] as const))(
    'is no flag of %s',
    (_, command) => {
      const flags = command.options.flatMap(({ short, long }) => [short, long]);
      expect(flags.filter((flag) => flag !== undefined && EATEN.includes(flag))).toEqual([]);
    },
  );
});

describe('flags', () => {
  it.each(program.commands.map((command) => [command.name(), command] as const))(
    'of %s for registries stand together',
    (_, command) => {
      const flags = ['--registry-username', '--registry-password-stdin', '--plain-http', '--ca-file', '--client-cert'];
      const groups = command.options.flatMap(({ long, helpGroupHeading }) =>
        flags.includes(long ?? '') ? [helpGroupHeading] : [],
      );
      expect(groups.filter((group) => group !== 'Registries:')).toEqual([]);
    },
  );

  it.each([program, ...program.commands].map((command) => [command.name(), command] as const))(
    'of %s that can be repeated do not show an empty list as their default',
    (_, command) => expect(command.helpInformation()).not.toMatch(/default:\s*\[\]/),
  );

  it.each(program.commands.map((command) => [command.name(), command] as const))(
    'of %s each say what they are for, and -o gives json',
    (_, command) => {
      expect(command.options.filter(({ description }) => description === '')).toEqual([]);
      // What Helm reads is manifests, and nothing else.
      if (command.name() === 'post-render') return;
      const output = command.options.find(({ short }) => short === '-o');
      expect(output?.long).toBe('--output');
      expect(output?.argChoices).toContain('json');
    },
  );
});

describe('help', () => {
  it.each(COMMANDS)('of %s is an answer on stdout', async (name) => {
    const { code, out, err } = await airgap([name, '--help']);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain(`Usage: helm airgap ${name}`);
  });

  it('of the whole lists every command and the exit codes', async () => {
    const { code, out } = await airgap(['--help']);
    expect(code).toBe(0);
    for (const name of COMMANDS) expect(out).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(out).toContain('130 interrupted');
  });

  it('comes on stderr, as wrong usage, when there is no command', async () => {
    const { code, out, err } = await airgap([]);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('Usage: helm airgap');
  });

  it('tells the version', async () => {
    expect(await airgap(['--version'])).toEqual({ code: 0, out: `${VERSION}\n`, err: '' });
  });
});

describe('wrong usage', () => {
  it.each<[string, string[], string]>([
    ['an unknown command', ['nope'], "unknown command 'nope'"],
    ['an unknown flag', ['images', '--nope'], "unknown option '--nope'"],
    ['a missing flag', ['push', 'x.tar'], '--to'],
    ['a missing argument', ['inspect'], 'file'],
    ['too many arguments', ['inspect', 'a', 'b'], 'too many arguments'],
    ['a flag without its value', ['bundle', 'c', '--out'], '--out'],
    ['an unknown naming', ['push', 'x', '--to', 'r.example', '--naming', 'z'], 'host-path, path'],
    ['an unknown output', ['images', 'c', '-o', 'xml'], 'table, json, yaml, txt'],
    ['too little concurrency', ['push', 'x', '--to', 'r.example', '--concurrency', '0'], '1 to 256'],
    ['half a concurrency', ['push', 'x', '--to', 'r.example', '--concurrency', '1.5'], '1 to 256'],
    ['no chart', ['images'], 'no chart was given'],
    ['a target with a scheme', ['push', 'x', '--to', 'https://r.example'], '--to https://r.example'],
    ['a target that is no host', ['values', 'c', '--to', 'mirrored'], '"mirrored" is not a registry host'],
    [
      'pins without a proof',
      ['values', 'c', '--to', 'r.example', '--bundle', 'b', '--no-proof', '--pin'],
      '--no-proof does not go with --pin',
    ],
    ['a chart and all charts', ['values', 'c', '--all', '--to', 'r.example'], 'one chart, --all'],
    ['all charts without a folder', ['values', '--all', '--bundle', 'b', '--to', 'r.example'], '--all writes one file'],
    ['a format that is none', ['values', 'c', '--to', 'r.example', '--format', 'helm'], 'aggregate, kustomize, argocd'],
    ['a manifest for no format', ['values', 'c', '--to', 'r.example', '--from', 'a.yaml'], '--from names the manifest'],
    ['no login for no installer', ['values', 'c', '--to', 'r.example', '--no-ecr-auth'], '--no-ecr-auth is for'],
    [
      'a manifest that is not there',
      ['values', 'c', '--to', 'r.example', '--format', 'flux', '--from', '/nowhere/a.yaml'],
      '--from /nowhere/a.yaml cannot be read',
    ],
    [
      'several files in one',
      ['values', 'c', '--to', 'r.example', '--format', 'containerd', '--out', 'hosts.toml'],
      'a file for each registry',
    ],
    [
      'all charts as one',
      ['values', '--all', '--bundle', 'b', '--to', 'r.example', '--format', 'aggregate'],
      '--format aggregate is for one chart',
    ],
    [
      'a delta in place of what it needs',
      ['bundle', '--image', 'x', '--out', 'o', '--since', './o', '--force'],
      '--since names the file',
    ],
    ['nothing to extract', ['extract', 'x.tar', '--out', 'o'], 'one thing can be extracted at a time'],
    ['two things', ['extract', 'x.tar', '--out', 'o', '--chart', 'a', '--image', 'b'], 'one thing can be extracted'],
    [
      'a chart’s platform',
      ['extract', 'x', '--out', 'o', '--chart', 'a', '--platform', 'linux/arm64'],
      'is for images',
    ],
    [
      'a platform that is none',
      ['bundle', '--image', 'x', '--out', 'o', '--platform', 'linux'],
      '"linux" is not a platform',
    ],
    ['a mirror that is none', ['bundle', '--image', 'x', '--out', 'o', '--mirror', 'a'], '"a" is not a mirror'],
    ['an image that is none', ['images', '--image', 'Not:an:image'], '"Not:an:image" is not an image reference'],
    ['a list that is not there', ['images', '--images', '/nowhere/list'], '/nowhere/list'],
    ['a configuration that is not there', ['images', '--config', '/nowhere/airgap.yaml'], '/nowhere/airgap.yaml'],
    ['values without a chart for them', ['images', '--image', 'x', '-f', 'a', '--set', 'b=c'], '-f, --set'],
    ['values from standard input', ['images', 'c', '-f', '-'], 'standard input'],
  ])('ends with 2, a sentence and a hint: %s', async (_, args, words) => {
    const { code, out, err } = await airgap(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(words);
    expect(err).toMatch(/^Hint: ./m);
  });
});

describe('a run', () => {
  it('prints its result alone on stdout', async () => {
    const { code, out } = await airgap(['images', '--image', 'nginx:1', '-o', 'json'], { TMPDIR: folder });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      apiVersion: 'airgap/v1',
      kind: 'Images',
      images: [{ reference: 'docker.io/library/nginx:1', confidence: 'certain', found: [{ how: 'added' }] }],
    });
  });

  it('reads images from a list, with comments, as it writes them', async () => {
    await writeFile(
      join(folder, 'list.txt'),
      `\uFEFF# all of them\r\nnginx:1  # web\r\n\r\n  quay.io/a/b@sha256:${'a'.repeat(64)}\r\n`,
    );
    const { out } = await airgap(['images', '--images', 'list.txt', '-o', 'txt'], { TMPDIR: folder }, folder);
    expect(out).toBe(`docker.io/library/nginx:1\nquay.io/a/b@sha256:${'a'.repeat(64)}\n`);
  });

  it('says where Helm should be when there is none', async () => {
    const { code, err } = await airgap(['images', './chart'], { TMPDIR: folder, PATH: '/nowhere' }, folder);
    expect(code).toBe(1);
    expect(err).toMatch(/^Error: Helm was not found.*\nHint: install Helm/m);
    expect(await readdir(folder)).not.toContainEqual(expect.stringMatching(/^helm-airgap-/));
  });

  it('ends with 3 when a bundle is damaged, and with 1 when it is not there', async () => {
    await writeFile(join(folder, 'foreign.tar'), 'x'.repeat(2048));
    expect(await airgap(['verify', join(folder, 'foreign.tar')])).toMatchObject({ code: 3 });
    for (const command of ['verify', 'inspect']) {
      const { code, err } = await airgap([command, join(folder, 'none.tar')]);
      expect(code).toBe(1);
      expect(err).toContain('none.tar');
      expect(err).toMatch(/^Hint: /m);
    }
  });

  it('says that the registry cannot be reached, which image, and leaves nothing at the output', async () => {
    onTestFinished(hurry());
    const host = `127.0.0.1:${await freePort()}`;
    const out = join(folder, 'out.tar');
    const image = `${host}/org/app:1`;
    const { code, err } = await airgap(
      ['bundle', '--image', image, '--plain-http', host, '--out', out],
      { TMPDIR: folder },
      folder,
    );
    expect(code).toBe(1);
    expect(err).toContain(image);
    expect(err).toContain('refused the connection, wanted by the command line');
    expect(err).toMatch(/^Hint: /m);
    expect(err, 'it is the way that is wrong, not the image').not.toContain('--exclude');
    expect((await readdir(folder)).filter((name) => name.startsWith('out.tar'))).toEqual([]);
  });

  it('says that nothing can be written there before it asks anybody', async () => {
    const bundle = (out: string) =>
      airgap(['bundle', '--image', 'never.invalid/x:1', '--out', out], { TMPDIR: folder });
    expect(await bundle(folder)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/is a folder\nHint: name a file/),
    });
    const { code, err } = await bundle(join(folder, 'none/out.tar'));
    expect(code).toBe(1);
    expect(err).toMatch(/there is no folder .*none\nHint: create it/);
    expect(err).not.toContain('never.invalid');
  });

  it('tells a fault of its own from one of the user, and shows no secret', async () => {
    const terminal = new Terminal(['images', '--image', 'nginx'], { TMPDIR: folder, HELM_DEBUG: 'true' }, folder);
    Object.defineProperty(terminal.stdout, 'write', {
      value: () => {
        throw new TypeError('broken by https://me:hunter22@r.example');
      },
    });
    const { code, err } = await terminal.run();
    expect(code).toBe(1);
    expect(err).toMatch(/^Error: unexpected: broken by/m);
    expect(err, 'with a stack for the report').toMatch(/^ {4}at /m);
    expect(err).not.toContain('hunter22');
  });

  it('takes a reader that stops listening for no failure', async () => {
    const terminal = new Terminal(['images', '--image', 'nginx'], { TMPDIR: folder }, folder);
    await terminal.run();
    terminal.stdout.emit('error', Object.assign(new Error('x'), { code: 'EPIPE' }));
    expect(terminal.exited).toBe(0);
  });
});

describe('an interrupt', () => {
  it('ends Helm and the run with 130, and leaves nothing behind', async () => {
    await writeFile(join(folder, 'slow-helm'), '#!/bin/sh\ntouch "$STARTED"\nexec sleep 30\n');
    await chmod(join(folder, 'slow-helm'), 0o755);
    await mkdir(join(folder, 'tmp'));
    await mkdir(join(folder, 'chart'));
    const started = join(folder, 'started');
    const env = {
      TMPDIR: join(folder, 'tmp'),
      HELM_BIN: './slow-helm',
      PATH: process.env.PATH,
      STARTED: started,
      AIRGAP_HELM_ENV: 'STARTED',
    };
    const terminal = new Terminal(['bundle', './chart', './chart', '--out', 'interrupted.tar'], env, folder);
    const ended = terminal.run();
    await expect
      .poll(
        () =>
          readFile(started).then(
            () => true,
            () => false,
          ),
        { timeout: 5000, interval: 10 },
      )
      .toBe(true);
    terminal.emit('SIGINT');
    const { code, err } = await ended;
    expect(code).toBe(130);
    expect(err).toMatch(/Error: interrupted\nHint: run the same command again/);
    expect(await readdir(join(folder, 'tmp'))).toEqual([]);
    expect((await readdir(folder)).filter((name) => name.startsWith('interrupted'))).toEqual([]);
    expect(terminal.listenerCount('SIGINT'), 'and nobody listens any more').toBe(0);
    expect(terminal.exited).toBeUndefined();
  });

  it('ends the run in time when a step does not end by itself', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const map = join(folder, 'map.json');
      await writeFile(
        map,
        '{"apiVersion":"airgap/v1","kind":"PostRenderMap","chart":"a","version":"1","target":"r.example","entries":[]}',
      );
      const terminal = new Terminal(['post-render', '--map', map], {}, folder);
      // Whoever should write there never does.
      Object.assign(terminal, { stdin: new Readable({ read() {} }) });
      void terminal.run();
      terminal.emit('SIGINT');
      await vi.advanceTimersByTimeAsync(1000);
      expect(terminal.exited).toBeUndefined();
      await vi.advanceTimersByTimeAsync(900);
      expect(terminal.exited).toBe(130);
      expect(terminal.stderr.text()).toMatch(/interrupted/);
    } finally {
      vi.useRealTimers();
    }
  });

  it('ends at once when it comes twice', async () => {
    const terminal = new Terminal(['images', '--image', 'nginx'], { TMPDIR: folder }, folder);
    const ended = terminal.run();
    terminal.emit('SIGINT');
    terminal.emit('SIGTERM');
    await ended;
    expect(terminal.exited).toBe(130);
  });
});
