import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registry as source, write } from '../../../support/bundles.ts';
import { selfSigned } from '../../../support/certificate.ts';
import { startRegistry, type TestRegistry } from '../../../support/registry.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap, type Ended } from '../../../support/terminal.ts';

/** Configuration and output of push, against real registries. */

const folder = scratchFolder();
const file = join(folder, 'bundle.tar');
let plain: TestRegistry;
let tls: TestRegistry;

beforeAll(async () => {
  await write(file, source());
  [plain, tls] = await Promise.all([startRegistry(), startRegistry({ tls: selfSigned() })]);
});
afterAll(() => Promise.all([plain.stop(), tls.stop()]));

const env = { HOME: folder, TMPDIR: folder };
const push = (...args: string[]): Promise<Ended> => airgap(['push', file, ...args], env, folder);

describe('a configuration file', () => {
  it('sets naming, plain HTTP hosts and variables', async () => {
    const config = join(folder, 'airgap.yaml');
    const naming = ['naming:', '  rules:', '    - match: "quay.io/*"', `      to: "$\{GROUP}/{path}"`];
    const more = ['plainHttp:', `  - ${plain.host}`, ...naming, ''];
    await writeFile(config, ['apiVersion: airgap/v1', 'kind: Config', ...more].join('\n'));
    const args = ['--config', config, '--to', `${plain.host}/configured`, '-o', 'json'];
    expect(await push(...args)).toMatchObject({ code: 2, out: expect.stringContaining('"kind": "Failure"') });
    const pushed = await push(...args, '--var', 'GROUP=ours');
    expect(pushed.code, pushed.err).toBe(0);
    expect(JSON.parse(pushed.out).images.map(({ target }: { target: string }) => target)).toContain(
      `${plain.host}/configured/ours/a:1`,
    );
  });

  it('names the target; --to replaces it', async () => {
    const config = join(folder, 'to.yaml');
    const text = `apiVersion: airgap/v1\nkind: Config\nto: ["$\{HOST}/filed"]\nplainHttp: ["$\{HOST}"]\n`;
    await writeFile(config, text);
    const targets = async (...args: string[]): Promise<string[]> => {
      const pushed = await push('--config', config, '--var', `HOST=${plain.host}`, '-o', 'json', ...args);
      expect(pushed.code, pushed.err).toBe(0);
      return JSON.parse(pushed.out).images.map(({ target }: { target: string }) => target);
    };
    expect(await targets()).toContain(`${plain.host}/filed/quay.io/a:1`);
    expect(await targets('--to', `${plain.host}/given`)).toContain(`${plain.host}/given/quay.io/a:1`);
  });

  it('sets logins and client certificates, whose problems name no flag that does not exist', async () => {
    const config = join(folder, 'bad.yaml');
    const known = new Set((await airgap(['push', '--help'], env, folder)).out.match(/--[a-z][a-z-]+/g));
    for (const line of [
      `logins: [{registry: a.example, username: u, password: "$\{SECRET}"}]`,
      'clientCertificates: {a.example: {cert: none.pem}}',
      'clientCertificates: {"a b": {cert: none.pem}}',
      'caFile: none.pem',
      'plainHttp: ["http://a.example"]',
      'naming: {default: unheard}',
      'naming: {chartPrefix: Own}',
      'naming: {rules: [{match: "a/*", to: "{unheard}"}]}',
      'to: ["http://a.example"]',
      `to: ["$\{UNSET}"]`,
    ]) {
      await writeFile(config, `apiVersion: airgap/v1\nkind: Config\n${line}\n`);
      const to = line.startsWith('to:') ? [] : ['--to', 'a.example'];
      const { code, err } = await push('--config', config, ...to, '--var', 'SECRET=1');
      expect(code, line).toBe(2);
      expect((err.match(/--[a-z][a-z-]+/g) ?? []).filter((flag) => !known.has(flag))).toEqual([]);
    }
  });

  it('sets the certificate authority', async () => {
    const registry = selfSigned();
    const config = join(folder, 'ca.yaml');
    await writeFile(join(folder, 'ca.pem'), registry.cert);
    await writeFile(config, 'apiVersion: airgap/v1\nkind: Config\ncaFile: ca.pem\n');
    const server = await startRegistry({ tls: registry });
    try {
      const args = ['--to', `${server.host}/m`];
      expect(await push(...args)).toMatchObject({ code: 1, out: '' });
      expect(await push(...args, '--config', config)).toMatchObject({ code: 0 });
    } finally {
      await server.stop();
    }
  });
});

describe('the result', () => {
  const to = (path: string): string[] => ['--to', `${plain.host}/${path}`, '--plain-http', plain.host];

  it('is a table on stdout, with a summary on stderr', async () => {
    const first = await push(...to('table'));
    expect(first.code, first.err).toBe(0);
    const target = `${plain.host}/table/quay.io/a:1`;
    expect(first.out).toContain(target);
    expect(first.err).not.toContain(target);
    expect(first.out).not.toContain('blobs');
    const [, stored] = /^(\d+) blobs uploaded /m.exec(first.err) ?? [];
    const second = await push(...to('table'));
    const [, present] = /^(\d+) blobs, /m.exec(second.err) ?? [];
    const { blobs } = JSON.parse((await push(...to('table'), '-o', 'json')).out);
    expect(Number(present)).toBeGreaterThanOrEqual(Number(stored));
    expect(blobs).toEqual({ stored: 0, mounted: 0, present: Number(present) });
  });

  it('of --dry-run is the whole plan on stdout', async () => {
    const { code, out, err } = await push(...to('plan'), '--dry-run');
    expect(code, err).toBe(0);
    expect(out).toContain(`${plain.host}/plan/quay.io/a:1`);
    expect(out).toMatch(/^\d+ blobs to upload /m);
    expect(err).not.toContain('blobs to upload');
  });

  it('of a bundle is one line on stdout, and of its dry run the estimate', async () => {
    await push(...to('source'));
    const image = `${plain.host}/source/quay.io/a:1`;
    const out = join(folder, 'again.tar');
    const args = ['bundle', '--image', image, '--plain-http', plain.host, '--out', out];
    const planned = await airgap([...args, '--dry-run'], env, folder);
    expect(planned.code, planned.err).toBe(0);
    expect(planned.out).toMatch(/ to fetch\n.* free\n$/);
    expect(planned.err).not.toContain(' to fetch');
    expect(planned.err).toContain(`${out} was not written`);
    const written = await airgap(args, env, folder);
    expect(written.out).toMatch(new RegExp(`^${out} written: .*\\n$`));
    expect(written.err).toContain(' to fetch');
    expect(written.err).not.toContain(' written');
  });

  it('as JSON is alone on stdout, with references as strings', async () => {
    const kinds = async (...more: string[]) => JSON.parse((await push(...to('json'), '-o', 'json', ...more)).out);
    const digest = expect.stringMatching(/^sha256:[0-9a-f]{64}$/);
    const one = { reference: 'quay.io/a:1', target: `${plain.host}/json/quay.io/a:1`, digest };
    const plan = await kinds('--dry-run');
    expect(plan.items).toContainEqual({ ...one, status: 'send' });
    const done = await kinds('--retire', file);
    expect(done.images).toContainEqual({ ...one, status: 'pushed' });
    expect(done.charts).toMatchObject([
      { reference: 'charts/demo:1.2.3_b', target: `${plain.host}/json/charts/demo:1.2.3_b`, digest },
    ]);
    expect(done).toMatchObject({ kind: 'Push', retired: [] });
    expect(done).not.toHaveProperty('receipt');
    const less = await kinds('--image', 'quay.io/a', '--retire', file);
    expect(less.retired).toContainEqual({ target: `${plain.host}/json/quay.io/multi:3`, digest });
  });
});

describe('plain HTTP to a TLS registry', () => {
  it('fails with a hint', async () => {
    const { code, err } = await push('--to', `${tls.host}/m`, '--plain-http', tls.host);
    expect(code).toBe(1);
    expect(err).toMatch(/^ *Hint: .*--plain-http/m);
  });
});

describe('two concurrent pushes of the same bundle', () => {
  it('both succeed', async () => {
    const ends: Ended[] = [];
    for (let round = 0; round < 6; round++) {
      const to = ['--to', `${plain.host}/round-${round}`, '--plain-http', plain.host];
      ends.push(...(await Promise.all([push(...to), push(...to)])));
    }
    expect(ends.filter(({ code }) => code !== 0).map(({ err }) => err)).toEqual([]);
  });
});
