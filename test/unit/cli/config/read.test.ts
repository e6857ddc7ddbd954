import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../../src/cli/config/read.ts';
import type { Config } from '../../../../src/cli/config/schema.ts';
import { NO_CONFIG } from '../../../../src/cli/flags/configuration.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const folder = scratchFolder();
const path = join(folder, 'airgap.yaml');

const HEAD = 'apiVersion: airgap/v1\nkind: Config\n';

async function read(
  text: string,
  env: Record<string, string> = {},
  variables: Record<string, string> = {},
): Promise<Config> {
  await writeFile(path, text);
  return readConfig(path, env, new Map(Object.entries(variables)));
}

async function problems(text: string, env: Record<string, string> = {}): Promise<string[]> {
  const error = await read(text, env).then(
    () => expect.fail('read'),
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: 'config', exitCode: 2, hint: expect.stringContaining('docs/config.md') });
  return (error as Error).message.replaceAll(`${path}:`, '').split('\n');
}

describe('readConfig', () => {
  it('fills in defaults', async () => {
    expect(await read(HEAD)).toEqual({ apiVersion: 'airgap/v1', kind: 'Config', ...NO_CONFIG });
  });

  it.each(['releaseName: --post-renderer=x', 'releaseName: a b', 'namespace: -x', 'namespace: A'])(
    'refuses an invalid name: %s',
    async (line) => {
      await expect(read(`${HEAD}charts:\n  - chart: web\n    ${line}\n`)).rejects.toMatchObject({ code: 'config' });
    },
  );

  it('reads all fields', async () => {
    const text = `${HEAD}charts:
  - chart: web
    repo: https://c.example
    version: "1.10"
    profiles: [{name: a, values: [x.yaml], set: [a=b], kubeVersion: "1.30", apiVersions: [x/v1], skipSchemaValidation: true}]
images: [nginx]
from:
  - {registry: quay.io, repositories: ["team/*"], tags: [^v], newest: 3, newerThan: 2026-01-31}
  - registry: ghcr.io
exclude: ["*/debug:*"]
platforms: [linux/amd64]
mirrors: {quay.io: m.example/quay}
plainHttp: [m.example]
caFile: ca.pem
`;
    expect(await read(text)).toMatchObject({
      charts: [{ version: '1.10' }],
      from: [{ newerThan: '2026-01-31' }, { registry: 'ghcr.io', repositories: [], tags: [] }],
      mirrors: { 'quay.io': 'm.example/quay' },
    });
  });

  it.each<[string, string, string[]]>([
    ['an empty file', '', ['1:1: apiVersion', '1:1: kind']],
    ['something else', 'text\n', ['1:1: file']],
    ['an unknown key', `${HEAD}chart: []\n`, ['3:1: unknown key "chart"']],
    [
      'an unknown key far inside',
      `${HEAD}charts:\n  - chart: x\n    profiles:\n      - name: a\n        value: [b]\n`,
      ['7:9: unknown key "value"'],
    ],
    ['several unknown keys', `${HEAD}a: 1\nb: 2\n`, ['3:1: unknown key "a"', '4:1: unknown key "b"']],
    ['another version', 'apiVersion: airgap/v2\nkind: Config\n', ['1:1: apiVersion']],
    ['a number for a version', `${HEAD}charts:\n  - chart: x\n    version: 1.10\n`, ['5:5: charts.0.version']],
    ['a chart without a name', `${HEAD}charts:\n  - repo: https://c.example\n`, ['4:5: charts.0.chart']],
    [
      'a value without a name',
      `${HEAD}charts:\n  - chart: x\n    profiles: [{name: a, set: [b]}]\n`,
      ['5:32: charts.0.profiles.0.set.0: '],
    ],
    ['a registry without a name', `${HEAD}from:\n  - tags: [^v]\n`, ['4:5: from.0.registry']],
    ['a number of tags', `${HEAD}from:\n  - {registry: a, newest: 0}\n`, ['4:19: from.0.newest']],
    ['no profile', `${HEAD}charts:\n  - {chart: x, profiles: []}\n`, ['4:16: charts.0.profiles']],
    ['a key twice', `${HEAD}images: []\nimages: []\n`, ['4:1: Map keys must be unique']],
    ['no YAML', `${HEAD}images: [a\n`, ['4:1: ']],
    ['two documents', `${HEAD}---\n${HEAD}`, ['3:1: ']],
  ])('reports line and column: %s', async (_, text, expected) => {
    const found = await problems(text);
    expect(found).toHaveLength(expected.length);
    for (const [i, start] of expected.entries())
      expect(found[i]).toMatch(new RegExp(`^${start.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`));
  });

  it('names a missing file', async () => {
    await expect(readConfig(join(folder, 'none.yaml'), {}, new Map())).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining('none.yaml'),
    });
  });
});

describe('variables', () => {
  it('come from --var, then from the environment', async () => {
    const text = `${HEAD}images: ["\${HOST}/a:\${TAG}", "\${TAG}\${TAG}"]\n`;
    expect((await read(text, { HOST: 'r.example', TAG: 'env' }, { TAG: '1.0' })).images).toEqual([
      'r.example/a:1.0',
      '1.01.0',
    ]);
  });

  it('may be set to an empty text', async () => {
    expect((await read(`${HEAD}images: ["a\${SUFFIX}"]\n`, { SUFFIX: '' })).images).toEqual(['a']);
  });

  it('are not replaced recursively', async () => {
    expect((await read(`${HEAD}images: ["\${A}"]\n`, { A: '$' + '{B}', B: 'no' })).images).toEqual(['$' + '{B}']);
  });

  it('are escaped by a second dollar, and need a name', async () => {
    const text = `${HEAD}images: ["$\${HOST}/a", "$HOST", "\${}", "$$"]\n`;
    expect((await read(text, { HOST: 'x' })).images).toEqual(['$' + '{HOST}/a', '$HOST', '$' + '{}', '$$']);
  });

  it('are reported with line and column if they are not set', async () => {
    expect(await problems(`${HEAD}images:\n  - "\${NOPE}/a"\n  - b\n  - "\${NOR}:\${THIS}"\n`)).toEqual([
      expect.stringMatching(/^4:5: \$\{NOPE\} .*--var NOPE=/),
      expect.stringMatching(/^6:5: \$\{NOR\} .*--var NOR=/),
      expect.stringMatching(/^6:5: \$\{THIS\} .*--var THIS=/),
    ]);
  });

  it('cannot inject YAML', async () => {
    expect((await read(`${HEAD}images: ["\${A}"]\n`, { A: 'x"]\nkind: Evil' })).images).toEqual(['x"]\nkind: Evil']);
  });
});

describe('logins', () => {
  const SECRET = '$' + '{SECRET}';
  const logins = (...fields: string[]): string => `${HEAD}logins:\n${fields.map((one) => `  - {${one}}\n`).join('')}`;

  it('stay as they are written, also without their variables', async () => {
    const text = logins(
      `registry: r.example, username: "$\{ME}", password: "${SECRET}"`,
      `registry: s.example, token: "${SECRET}"`,
    );
    for (const env of [{}, { ME: 'me', SECRET: 'geheim' } as Record<string, string>]) {
      expect((await read(text, env)).logins).toEqual([
        { registry: 'r.example', username: '$' + '{ME}', password: SECRET },
        { registry: 's.example', token: SECRET },
      ]);
    }
    // The host is a text like others.
    expect(
      (await read(logins(`registry: "$\{HOST}", token: "${SECRET}"`), { HOST: 'r.example' })).logins,
    ).toMatchObject([{ registry: 'r.example' }]);
  });

  it.each<[string, string, string]>([
    ['a password in the file', 'registry: r, username: me, password: geheim', '4:5: logins.0: '],
    ['a token in the file', 'registry: r, token: geheim', '4:5: logins.0: '],
    ['a password beside a variable', `registry: r, username: me, password: "${SECRET}geheim"`, '4:5: logins.0: '],
    ['a variable of an alias', `registry: &a "$\{A}", token: *a`, '4:5: logins.0: '],
    ['a part of a user name', `registry: r, username: "a$\{ME}", password: "${SECRET}"`, '4:19: logins.0.username'],
    ['a password without a user', `registry: r, password: "${SECRET}"`, '4:5: logins.0'],
    ['a token with a user', `registry: r, username: me, token: "${SECRET}"`, '4:5: logins.0'],
    ['both', `registry: r, username: me, token: "${SECRET}", password: "${SECRET}"`, '4:5: logins.0'],
    ['nothing', 'registry: r', '4:5: logins.0'],
    ['an address', `registry: https://r/x, token: "${SECRET}"`, '4:6: logins.0.registry'],
  ])('are refused without their secrets: %s', async (_, fields, expected) => {
    const found = await problems(logins(fields), { A: 'geheim' });
    expect(found).toEqual([expect.stringContaining(expected)]);
    expect(found.join()).not.toContain('geheim');
  });

  it('are one for each registry', async () => {
    const found = await problems(
      logins(`registry: docker.io, token: "${SECRET}"`, `registry: index.docker.io, token: "${SECRET}"`),
    );
    expect(found).toEqual([expect.stringMatching(/^5:6: .*docker\.io/)]);
  });
});
