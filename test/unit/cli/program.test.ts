import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { VERSION } from '../../../src/cli/version.ts';
import { commandsOf, runnableCommands, wholeProgram } from '../../support/commands.ts';
import { useFastClock } from '../../support/fast-clock.ts';
import { freePort } from '../../support/registry.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { airgap, Terminal } from '../../support/terminal.ts';

const program = wholeProgram();
const ALL = commandsOf(program);
const COMMANDS = ALL.map(([name]) => name);
const RUNNABLE = runnableCommands(program);

const folder = scratchFolder();
const ECR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';

describe('global flags of Helm', () => {
  // Helm consumes its global flags in any position, some with the next argument (pkg/cli, loadPlugins).
  const CONSUMED = [
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

  it.each([[program.name(), program] as const, ...ALL])('are not flags of %s', (_, command) => {
    const flags = command.options.flatMap(({ short, long }) => [short, long]);
    expect(flags.filter((flag) => flag !== undefined && CONSUMED.includes(flag))).toEqual([]);
  });
});

describe('flags', () => {
  it.each(ALL)('of %s for registries are in one group', (_, command) => {
    const flags = ['--registry-username', '--registry-password-stdin', '--plain-http', '--ca-file', '--client-cert'];
    const groups = command.options.flatMap(({ long, helpGroupHeading }) =>
      flags.includes(long ?? '') ? [helpGroupHeading] : [],
    );
    expect(groups.filter((group) => group !== 'Registries and TLS:')).toEqual([]);
  });

  it.each(ALL)('of %s that are repeatable do not show an empty list as default', (_, command) =>
    expect(command.helpInformation()).not.toMatch(/default:\s*\[\]/),
  );

  it.each(RUNNABLE)('of %s have a description, and -o supports json', (_, command) => {
    expect(command.options.filter(({ description }) => description === '')).toEqual([]);
    // Helm reads manifests only.
    if (command.name() === 'post-render') return;
    const output = command.options.find(({ short }) => short === '-o');
    expect(output?.long).toBe('--output');
    expect(output?.argChoices).toContain('json');
  });
});

describe('help', () => {
  it.each(COMMANDS)('of %s is on stdout, 80 columns wide', async (name) => {
    const { code, out, err } = await airgap([...name.split(' '), '--help']);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain(`Usage: helm airgap ${name}`);
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
    await expect(out).toMatchFileSnapshot(`golden/help-${name.replace(' ', '-')}.txt`);
  });

  it('of the program lists every command', async () => {
    const { code, out } = await airgap(['--help']);
    expect(code).toBe(0);
    for (const { name } of program.commands.map((each) => ({ name: each.name() })))
      expect(out).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
    await expect(out).toMatchFileSnapshot('golden/help.txt');
  });

  it.each(['', ...COMMANDS])('has examples that are valid, and the exit codes: %s', async (name) => {
    const { out } = await airgap([...(name === '' ? [] : name.split(' ')), '--help']);
    for (const code of ['0 done', '1 failed', '2 wrong', '3 check failed', '130 interrupted'])
      expect(out).toContain(code);
    const examples = [...out.matchAll(/^ {2}helm airgap (.*)$/gm)];
    expect(examples.length).toBeGreaterThan(0);
    for (const [line, all = ''] of examples) {
      const parsed: string[] = [];
      const other = wholeProgram();
      for (const [command, each] of runnableCommands(other)) each.action(() => void parsed.push(command));
      const words = (all.replace(/ [<>] .*$/, '').match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ''));
      await other.parseAsync(words, { from: 'user' });
      expect(parsed, line).toHaveLength(1);
      expect(`${all} `).toMatch(new RegExp(`^${parsed[0]} `));
      expect(`${parsed[0]} `).toMatch(name === '' ? '' : new RegExp(`^${name} `));
    }
  });

  it('is on stderr, as wrong usage, without a command', async () => {
    const { code, out, err } = await airgap([]);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('Usage: helm airgap');
  });

  it('prints the version', async () => {
    expect(await airgap(['--version'])).toEqual({ code: 0, out: `${VERSION}\n`, err: '' });
  });
});

describe('wrong usage', () => {
  it.each<[string, string[], string]>([
    ['an unknown command', ['nope'], "unknown command 'nope'"],
    ['an unknown flag', ['images', '--nope'], "unknown option '--nope'"],
    ['an unknown subcommand', ['access', 'nope'], "unknown command 'nope'"],
    [
      'an address in place of a host',
      ['access', 'export', 'a.yaml', '--from', 'https://r.example'],
      'https://r.example',
    ],
    ['a hostile name', ['access', 'export', 'a', '--from', 'r.example', '--organization', '../x'], '../x'],
    ['rights for a part of a registry', ['access', 'apply', 'a', '--to', 'r.example/team'], 'r.example/team'],
    ['principals for no ECR', ['access', 'apply', 'a', '--to', 'r.example', '--principals', 'p'], '--principals'],
    ['a naming for no ECR', ['access', 'apply', 'a', '--to', 'r.example', '--naming', 'path'], '--naming'],
    ['ECR without principals', ['access', 'apply', 'a', '--to', ECR], '--principals'],
    ['administrators for ECR', ['access', 'apply', 'a', '--to', ECR, '--include-admins'], '--include-admins'],
    ['rights for ECR Public', ['access', 'apply', 'a', '--to', 'public.ecr.aws/x'], 'public.ecr.aws'],
    ['a missing flag', ['push', 'x.tar'], '--to'],
    ['a missing argument', ['inspect'], 'file'],
    ['too many arguments', ['inspect', 'a', 'b'], 'too many arguments'],
    ['a flag without its value', ['bundle', 'c', '--out'], '--out'],
    ['an unknown naming', ['push', 'x', '--to', 'r.example', '--naming', 'z'], 'host-path, path'],
    ['an unknown output', ['images', 'c', '-o', 'xml'], 'table, json, yaml, txt'],
    ['too little concurrency', ['push', 'x', '--to', 'r.example', '--concurrency', '0'], '1 to 256'],
    ['half a concurrency', ['push', 'x', '--to', 'r.example', '--concurrency', '1.5'], '1 to 256'],
    ['no chart', ['images'], 'helm airgap images CHART'],
    ['a target with a scheme', ['push', 'x', '--to', 'https://r.example'], '--to https://r.example'],
    ['a target that is no host', ['values', 'c', '--to', 'mirrored'], '"mirrored"'],
    ['pins without a proof', ['values', 'c', '--to', 'r.example', '--bundle', 'b', '--no-proof', '--pin'], '--pin'],
    ['a chart and all charts', ['values', 'c', '--all', '--to', 'r.example'], '--all'],
    ['all charts without a folder', ['values', '--all', '--bundle', 'b', '--to', 'r.example'], '--out-dir'],
    ['a format that is none', ['values', 'c', '--to', 'r.example', '--format', 'helm'], 'aggregate, kustomize, argocd'],
    ['a manifest for no format', ['values', 'c', '--to', 'r.example', '--from', 'a.yaml'], '--from'],
    ['--no-ecr-auth without its format', ['values', 'c', '--to', 'r.example', '--no-ecr-auth'], '--format aggregate'],
    [
      'a missing manifest',
      ['values', 'c', '--to', 'r.example', '--format', 'flux', '--from', '/nowhere/a.yaml'],
      '--from /nowhere/a.yaml',
    ],
    [
      'several files in one',
      ['values', 'c', '--to', 'r.example', '--format', 'containerd', '--out', 'hosts.toml'],
      '--format containerd',
    ],
    [
      'all charts in one umbrella chart',
      ['values', '--all', '--bundle', 'b', '--to', 'r.example', '--format', 'aggregate'],
      '--format aggregate',
    ],
    [
      'a delta that overwrites the older bundle',
      ['bundle', '--image', 'x', '--out', 'o', '--since', './o', '--force'],
      '--since',
    ],
    ['nothing to extract', ['extract', 'x.tar', '--out', 'o'], '--chart'],
    ['two things to extract', ['extract', 'x.tar', '--out', 'o', '--chart', 'a', '--image', 'b'], '--image'],
    ['a chart’s platform', ['extract', 'x', '--out', 'o', '--chart', 'a', '--platform', 'linux/arm64'], '--platform'],
    ['an invalid platform', ['bundle', '--image', 'x', '--out', 'o', '--platform', 'linux'], '"linux"'],
    ['an invalid mirror', ['bundle', '--image', 'x', '--out', 'o', '--mirror', 'a'], '"a"'],
    ['an invalid image', ['images', '--image', 'Not:an:image'], '"Not:an:image"'],
    ['a missing list', ['images', '--images', '/nowhere/list'], '/nowhere/list'],
    ['a missing configuration file', ['images', '--config', '/nowhere/airgap.yaml'], '/nowhere/airgap.yaml'],
    ['values without a chart', ['images', '--image', 'x', '-f', 'a', '--set', 'b=c'], '-f, --set'],
    ['values from standard input', ['images', 'c', '-f', '-'], '-f -'],
    [
      '--unmapped=inject and --no-inject',
      ['values', 'c', '--to', 'r.example', '--unmapped=inject', '--no-inject'],
      '--no-inject',
    ],
    [
      'the older name of --unmapped',
      ['values', 'c', '--to', 'r.example', '--residue=inject', '--no-inject'],
      '--no-inject',
    ],
    ['a map without its mode', ['values', 'c', '--to', 'r.example', '--unmapped-map', 'm'], '--unmapped=post-render'],
    [
      'the older name of --unmapped-map',
      ['values', 'c', '--to', 'r.example', '--residue-map', 'm'],
      '--unmapped=post-render',
    ],
  ])('exits with 2, an error and a hint: %s', async (_, args, words) => {
    const { code, out, err } = await airgap(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(words);
    expect(err).toMatch(/^Hint: ./m);
  });
});

describe('a run', () => {
  it('prints summaries and notes to stderr', async () => {
    const args = [
      'images',
      '--image',
      'nginx:1',
      '--image',
      'redis:7',
      '--exclude',
      '*redis*',
      '--network',
      '--what-if',
    ];
    const { code, out, err } = await airgap(args, { TMPDIR: folder });
    expect(code).toBe(0);
    expect(out.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^IMAGE +NEED +CONFIDENCE /),
      expect.stringMatching(/^docker\.io\/library\/nginx:1 +install +certain /),
    ]);
    expect(err).toMatch(/^1 image$/m);
    expect(err).toMatch(/--exclude \*redis\*: docker\.io\/library\/redis:7$/m);
    expect(err).toMatch(
      /^next: helm airgap bundle --image nginx:1 --image redis:7 --exclude '\*redis\*' --out bundle\.tar$/m,
    );
    expect(err.trimEnd().split('\n')).toHaveLength(5);
  });

  it('prints only its result to stdout', async () => {
    const { code, out } = await airgap(['images', '--image', 'nginx:1', '-o', 'json'], { TMPDIR: folder });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      apiVersion: 'airgap/v1',
      kind: 'Images',
      images: [{ reference: 'docker.io/library/nginx:1', confidence: 'certain', found: [{ how: 'added' }] }],
    });
  });

  it('reads image lists with comments, in the format that -o txt writes', async () => {
    await writeFile(
      join(folder, 'list.txt'),
      `\uFEFF# all of them\r\nnginx:1  # web\r\n\r\n  quay.io/a/b@sha256:${'a'.repeat(64)}\r\n`,
    );
    const { out } = await airgap(['images', '--images', 'list.txt', '-o', 'txt'], { TMPDIR: folder }, folder);
    expect(out).toBe(`docker.io/library/nginx:1\nquay.io/a/b@sha256:${'a'.repeat(64)}\n`);
  });

  it('fails with a hint if Helm is not found', async () => {
    const { code, err } = await airgap(['images', './chart'], { TMPDIR: folder, PATH: '/nowhere' }, folder);
    expect(code).toBe(1);
    expect(err).toMatch(/^Error: .*Helm.*\nHint: .*Helm/m);
    expect(await readdir(folder)).not.toContainEqual(expect.stringMatching(/^helm-airgap-/));
  });

  it('exits with 3 for a damaged bundle, and with 1 for a missing one', async () => {
    await writeFile(join(folder, 'foreign.tar'), 'x'.repeat(2048));
    expect(await airgap(['verify', join(folder, 'foreign.tar')])).toMatchObject({ code: 3 });
    for (const command of ['verify', 'inspect']) {
      const { code, err } = await airgap([command, join(folder, 'none.tar')]);
      expect(code).toBe(1);
      expect(err).toContain('none.tar');
      expect(err).toMatch(/^Hint: /m);
    }
  });

  it('names the registry and image if the registry is unreachable, and leaves no output', async () => {
    onTestFinished(useFastClock());
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
    expect(err).toContain('connection');
    expect(err).toMatch(/^Hint: /m);
    expect(err, 'the network is at fault, not the image').not.toContain('--exclude');
    expect((await readdir(folder)).filter((name) => name.startsWith('out.tar'))).toEqual([]);
  });

  it('checks the output path before the first request', async () => {
    const bundle = (out: string) =>
      airgap(['bundle', '--image', 'never.invalid/x:1', '--out', out], { TMPDIR: folder });
    expect(await bundle(folder)).toMatchObject({
      code: 2,
      err: expect.stringMatching(new RegExp(`--out ${folder}.*\\nHint: .*--out`)),
    });
    const { code, err } = await bundle(join(folder, 'none/out.tar'));
    expect(code).toBe(1);
    expect(err).toMatch(/--out .*none\/out\.tar.*\nHint: .*--out/);
    expect(err).not.toContain('never.invalid');
  });

  it('reports a bug of its own, without secrets', async () => {
    const env = {
      HELM_DEBUG: 'true',
      get TMPDIR(): string {
        throw new TypeError('broken by https://me:hunter22@r.example');
      },
    };
    const { code, err } = await airgap(['images', '--image', 'nginx'], env, folder);
    expect(code).toBe(1);
    expect(err).toMatch(/^Error: .*broken by/m);
    expect(err, 'with a stack for the report').toMatch(/^ {4}at /m);
    expect(err).not.toContain('hunter22');
  });

  it.each([
    ['EPIPE', 0],
    ['ENOSPC', 1],
    ['EIO', 1],
  ])('ends with the right code if standard output fails with %s', async (failure, expected) => {
    const terminal = new Terminal(['images', '--image', 'nginx'], { TMPDIR: folder }, folder);
    terminal.failOutput(failure);
    const { code, out, err } = await terminal.run();
    expect([code, out]).toEqual([expected, '']);
    expect(err.includes(failure)).toBe(expected === 1);
    expect(err).not.toMatch(/^ {4}at /m);
  });
});

describe('an interrupt', () => {
  it('ends Helm and the run with 130, and removes temporary files', async () => {
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
    expect(err).toMatch(/^Error: interrupted\nHint: ./m);
    expect(await readdir(join(folder, 'tmp'))).toEqual([]);
    expect((await readdir(folder)).filter((name) => name.startsWith('interrupted'))).toEqual([]);
    expect(terminal.listenerCount('SIGINT'), 'listeners are removed').toBe(0);
    expect(terminal.exited).toBeUndefined();
  });

  it('ends the run after a grace period if a step does not end', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const map = join(folder, 'map.json');
      await writeFile(
        map,
        '{"apiVersion":"airgap/v1","kind":"PostRenderMap","chart":"a","version":"1","target":"r.example","entries":[]}',
      );
      const terminal = new Terminal(['post-render', '--map', map], {}, folder);
      // Standard input never ends.
      Object.assign(terminal, { stdin: new Readable({ read() {} }) });
      void terminal.run();
      terminal.emit('SIGINT');
      await vi.advanceTimersByTimeAsync(1000);
      expect(terminal.exited).toBeUndefined();
      await vi.advanceTimersByTimeAsync(900);
      expect(terminal.exited).toBe(130);
      expect(terminal.err).toMatch(/interrupted/);
    } finally {
      vi.useRealTimers();
    }
  });

  it('ends the run at once if it is repeated', async () => {
    const terminal = new Terminal(['images', '--image', 'nginx'], { TMPDIR: folder }, folder);
    const ended = terminal.run();
    terminal.emit('SIGINT');
    terminal.emit('SIGTERM');
    await ended;
    expect(terminal.exited).toBe(130);
  });
});
