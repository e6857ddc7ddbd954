import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import { addConfigFlags } from '../../../../src/cli/flags/charts.ts';
import { readConfiguration } from '../../../../src/cli/flags/configuration.ts';
import { addFromFlags, type FromSettings, readFrom } from '../../../../src/cli/flags/from.ts';
import type { CommandIO } from '../../../../src/cli/run.ts';
import { scratchFolder } from '../../../support/scratch.ts';

let cwd: string;
beforeAll(() => {
  cwd = scratchFolder();
  const head = 'apiVersion: airgap/v1\nkind: Config\n';
  writeFileSync(
    join(cwd, 'airgap.yaml'),
    `${head}from:\n  - {registry: ghcr.io, repositories: [org/*], tags: [^v], newest: 2, newerThan: 2026-01-31}\n  - {registry: index.docker.io}\n`,
  );
  writeFileSync(join(cwd, 'bad-date.yaml'), `${head}from: [{registry: a, newerThan: tomorrow}]\n`);
  writeFileSync(join(cwd, 'bad-tag.yaml'), `${head}from: [{registry: a, tags: ["("]}]\n`);
  writeFileSync(join(cwd, 'repositories.txt'), '# all of them\r\nteam/app\n\n team/web # the site\r\n');
  mkdirSync(join(cwd, 'certs'));
  for (const name of ['ca.crt', 'client.cert', 'client.key', 'other.key']) writeFileSync(join(cwd, 'certs', name), '');
  writeFileSync(
    join(cwd, 'sync.yaml'),
    `quay.io:
  images: {team/app: [v1]}
  credentials: {username: john, password: correct-horse}
  cert-dir: certs
empty.example:
`,
  );
});

interface Outcome extends FromSettings {
  readonly warnings: readonly string[];
}

async function read(...args: string[]): Promise<Outcome> {
  const events: AirgapEvent[] = [];
  const context = { env: {}, cwd, emit: (event: AirgapEvent) => events.push(event) } as unknown as CommandIO['context'];
  const command = addFromFlags(addConfigFlags(new Command('x'), 'config')).exitOverride();
  command.configureOutput({ writeErr: () => {} });
  await command.parseAsync(args, { from: 'user' });
  const flags = command.opts();
  const { config } = await readConfiguration(
    context,
    { ...flags, ...(flags.config !== undefined && { config: join(cwd, flags.config) }) },
    { readsFrom: true },
  );
  const found = await readFrom({ context }, flags, config);
  return { ...found, warnings: events.flatMap((event) => (event.type === 'warning' ? [event.message] : [])) };
}

describe('images of registries', () => {
  it('are none without flags', async () => {
    expect(await read()).toEqual({
      registries: [],
      repositories: [],
      logins: [],
      clientCertificates: [],
      named: [],
      warnings: [],
    });
  });

  it('come from flags', async () => {
    const { registries, named } = await read(
      ...[
        '--from',
        'registry-1.docker.io',
        '--repository',
        'team/*',
        '--repository',
        'nginx',
        '--tag',
        '^v',
        '--tag',
        'x',
      ],
      ...['--newest', '3', '--newer-than', '2026-01-31', '--repositories', 'repositories.txt'],
    );
    expect(registries).toEqual([
      {
        registry: 'docker.io',
        repositories: ['team/*', 'nginx'],
        repositoryList: ['team/app', 'team/web'],
        tags: ['^v', 'x'],
        newest: 3,
        newerThan: new Date('2026-01-31T00:00:00Z'),
      },
    ]);
    expect(named).toEqual(['docker.io']);
  });

  it('come from the configuration file, after those of flags', async () => {
    const { registries } = await read('--from', 'quay.io', '--config', 'airgap.yaml');
    expect(registries).toMatchObject([
      { registry: 'quay.io', repositories: [], tags: [] },
      { registry: 'ghcr.io', repositories: ['org/*'], tags: ['^v'], newest: 2, newerThan: new Date('2026-01-31') },
      { registry: 'docker.io', repositories: [], tags: [] },
    ]);
  });

  it('come from files of skopeo, with their logins and client certificates', async () => {
    const found = await read('--skopeo-sync', 'sync.yaml');
    expect(found).toMatchObject({
      repositories: [{ repository: { registry: 'quay.io', path: 'team/app' }, lookups: ['v1'] }],
      logins: [{ registry: 'quay.io', username: 'john', password: 'correct-horse' }],
      clientCertificates: [
        { host: 'quay.io', certFile: join(cwd, 'certs/client.cert'), keyFile: join(cwd, 'certs/client.key') },
      ],
      named: ['quay.io'],
    });
    expect(found.warnings).toHaveLength(2);
    expect(found.warnings.join()).toContain('empty.example');
    expect(found.warnings.join()).toContain('--ca-file');
  });

  it.each(['2026-01-31', '2026-01-31T12:30Z', '2026-01-31T12:30:15.5+02:00'])('have dates such as %s', async (date) => {
    const { registries } = await read('--from', 'quay.io', '--newer-than', date);
    expect(registries[0]?.newerThan).toEqual(new Date(date));
  });
});

describe('wrong flags', () => {
  it.each([
    ['--repository', 'a'],
    ['--repositories', 'repositories.txt'],
    ['--tag', '^v'],
    ['--newest', '1'],
    ['--newer-than', '2026-01-31'],
  ])('%s needs --from', async (flag, value) => {
    await expect(read(flag, value)).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining(flag) });
  });

  it.each<[string, readonly string[]]>([
    ['a path', ['--from', 'quay.io/team']],
    ['a URL', ['--from', 'https://quay.io']],
    ['an expression', ['--from', 'quay.io', '--tag', '(']],
    ['a list that is not there', ['--from', 'quay.io', '--repositories', 'none.txt']],
  ])('%s', async (_name, args) => {
    await expect(read(...args)).rejects.toMatchObject({ code: 'usage' });
  });

  it.each(['0', '-1', '1.5', 'x', ''])('--newest %j', async (value) => {
    await expect(read('--from', 'quay.io', `--newest=${value}`)).rejects.toMatchObject({
      code: 'commander.invalidArgument',
    });
  });

  it.each(['yesterday', '2026', '31.01.2026', '2026-02-30', '2026-13-01', '2026-01-31T12:30', '2026-01-31T25:00Z', ''])(
    '--newer-than %j',
    async (value) => {
      const wrong = read('--from', 'quay.io', `--newer-than=${value}`);
      await expect(wrong).rejects.toMatchObject({ code: 'commander.invalidArgument' });
    },
  );

  it.each(['bad-date.yaml', 'bad-tag.yaml', 'none.yaml'])('a wrong file: %s', async (name) => {
    await expect(read('--config', name)).rejects.toMatchObject({ code: 'config' });
  });
});

describe('commands that do not read registries', () => {
  it('say so once', async () => {
    const events: AirgapEvent[] = [];
    const context = {
      env: {},
      cwd,
      emit: (event: AirgapEvent) => events.push(event),
    } as unknown as CommandIO['context'];
    await readConfiguration(context, { config: join(cwd, 'airgap.yaml') });
    expect(events).toMatchObject([{ type: 'warning', message: expect.stringContaining('"from"') }]);
  });
});
