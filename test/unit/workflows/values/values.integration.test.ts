import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import type { Context } from '../../../../src/session/context.ts';
import { values } from '../../../../src/workflows/values/values.ts';
import { CHARTS, chartYaml, writeFiles } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { helmIn } from '../../../support/isolated-helm.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap } from '../../../support/terminal.ts';

const target = parseTarget('ecr.example:5000/mirrored', 'host-path');

describe.for(HELMS)('values with Helm $version', (wanted) => {
  const test = it.skipIf(wanted.path === undefined);
  const envOf = (folder: string) => ({ PATH: process.env.PATH, HELM_BIN: wanted.path, TMPDIR: folder });
  const contextIn = (folder: string, events: AirgapEvent[] = []): Context => ({
    env: envOf(folder),
    cwd: folder,
    emit: (event) => void events.push(event),
  });

  test('redirect every image, and Helm renders the proved result', async () => {
    const scratch = scratchFolder();
    const request = { chart: join(CHARTS, 'shop') };
    const [result] = await values(contextIn(scratch), { request, bundle: undefined, target, render: {} });
    expect(result?.overrides).toEqual({
      cache: { image: { registry: 'ecr.example:5000/mirrored/docker.io' } },
      image: { registry: 'ecr.example:5000/mirrored/registry.example' },
      init: { image: { registry: 'ecr.example:5000/mirrored/registry.example' } },
      migrations: { image: { registry: 'ecr.example:5000/mirrored/registry.example' } },
      reports: { image: 'ecr.example:5000/mirrored/quay.io/shop-tools/reports:0.9.2' },
      sidecar: { image: 'ecr.example:5000/mirrored/registry.example/shop/proxy:2.3.1' },
      tests: { image: 'ecr.example:5000/mirrored/docker.io/library/busybox:1.36.1' },
      worker: { image: { registry: 'ecr.example:5000/mirrored/registry.example' } },
    });
    expect(result?.proof).toEqual({ references: 8, rewritten: 8, residue: [] });
    expect(parse(result?.yaml ?? '')).toEqual(result?.overrides);
    const path = join(scratch, 'overrides.yaml');
    await writeFile(path, result?.yaml ?? '');
    const { stdout } = await helmIn(scratch, wanted).run(['template', 'x', request.chart, '-f', path]);
    expect(stdout).not.toMatch(/(?<!mirrored\/)(?:registry\.example|quay\.io|docker\.io)\/|image: busybox/);
    expect(stdout.match(/ecr\.example:5000\/mirrored\//g)).toHaveLength(8);
  });

  // Tests that do not depend on the Helm version run once.
  if (wanted !== HELMS[0]) return;

  test('report references that no value changes, with exit code 3', async () => {
    const scratch = scratchFolder();
    const chart = join(CHARTS, 'hardcoded');
    const { code, out, err } = await airgap(['values', chart, '--to', 'ecr.example/m'], envOf(scratch), scratch);
    expect(code).toBe(3);
    expect(parse(out)).toEqual({ image: { repository: 'ecr.example/m/registry.example/hardcoded/app' } });
    expect(out).toContain('# Still public: docker.io/library/busybox:1.36.1');
    expect(err).toContain('1 of 2 references private');
    expect(err).toContain('still public: docker.io/library/busybox:1.36.1');
    expect(err).toContain('hardcoded/templates/deployment.yaml spec.template.spec.initContainers[0].image');
  });

  test('are marked in the file if they are not proved', async () => {
    const scratch = scratchFolder();
    const request = { chart: join(CHARTS, 'hardcoded') };
    const options = { request, bundle: undefined, target, render: {} };
    const [proved] = await values(contextIn(scratch), options);
    const [result] = await values(contextIn(scratch), { ...options, prove: false });
    expect(result?.overrides).toEqual(proved?.overrides);
    expect(proved?.proof.residue).not.toEqual([]);
    expect(result?.proof).toEqual({ references: proved?.proof.references, rewritten: 0, residue: [], skipped: true });
    expect(result?.yaml).toMatch(/^# Overrides .*\n# Not proved \(--no-proof\)/);
  });

  test('keep other content of a list that is replaced whole', async () => {
    const scratch = scratchFolder();
    const chart = await writeFiles(join(scratch, 'web'), {
      'Chart.yaml': chartYaml('web'),
      'values.yaml':
        'env: [{name: STS, value: "on"}, {name: N, value: "017"}, {name: A_IMAGE, value: quay.io/acme/a:1}]\n',
      'templates/a.yaml':
        'kind: Pod\nspec:\n  containers:\n  - image: quay.io/acme/b:1\n    env: {{ toYaml .Values.env | nindent 4 }}\n',
    });
    const request = { chart };
    const [result] = await values(contextIn(scratch), { request, bundle: undefined, target, render: {} });
    await writeFile(join(scratch, 'o.yaml'), result?.yaml ?? '');
    const helm = helmIn(scratch, wanted);
    const [before, after] = await Promise.all([
      helm.run(['template', 'x', chart]),
      helm.run(['template', 'x', chart, '-f', join(scratch, 'o.yaml')]),
    ]);
    expect(after.stdout).toBe(before.stdout.replace('quay.io/acme/a:1', 'ecr.example:5000/mirrored/quay.io/acme/a:1'));
  });

  test('are readable only by the owner if they copy user values, with a note', async () => {
    const scratch = scratchFolder();
    const chart = await writeFiles(join(scratch, 'web'), {
      'Chart.yaml': chartYaml('web'),
      'values.yaml': 'image: quay.io/acme/b:1\nextra: []\n',
      'templates/a.yaml':
        'kind: Pod\nspec:\n  containers:\n  - image: {{ .Values.image }}\n  {{- with .Values.extra }}{{ toYaml . | nindent 2 }}{{ end }}\n',
    });
    const own = join(scratch, 'own.yaml');
    await writeFile(own, 'extra: [{image: "quay.io/acme/a:1", env: [{name: PASSWORD, value: hunter2}]}]\n');
    const out = join(scratch, 'o.yaml');
    const args = ['values', chart, '--to', 'ecr.example/m', '--out', out];
    const mode = async (): Promise<number> => (await stat(out)).mode & 0o777;
    expect((await airgap(args, envOf(scratch), scratch)).code).toBe(0);
    expect(await mode()).toBe(0o644);
    const { code, err } = await airgap([...args, '-f', own], envOf(scratch), scratch);
    expect([code, await mode()]).toEqual([0, 0o600]);
    expect(err).toMatch(/from your values.*: extra$/m);
    // Restricted permissions are kept.
    expect((await airgap(args, envOf(scratch), scratch)).code).toBe(0);
    expect(await mode()).toBe(0o600);
    await chmod(out, 0o644);
    const json = await airgap([...args, '-f', own, '-o', 'json'], envOf(scratch), scratch);
    expect([JSON.parse(json.out).copied, await mode()]).toEqual([['extra'], 0o600]);
    const argo = await airgap([...args, '-f', own, '--format', 'argocd'], envOf(scratch), scratch);
    expect([argo.code, argo.err, await mode()]).toMatchObject([0, expect.stringContaining(': extra'), 0o600]);
  });

  test('explain public references: no value builds them, or the value is needed for another one', async () => {
    const scratch = scratchFolder();
    const image = (text: string): string => `kind: Pod\nspec: {containers: [{image: "${text}"}]}\n---\n`;
    const chart = await writeFiles(join(scratch, 'web'), {
      'Chart.yaml': chartYaml('web'),
      'values.yaml': 'registry: docker.io\n',
      'templates/a.yaml': [
        '{{ .Values.registry }}/acme/app:1',
        '{{ .Values.registry }}/acme/worker:1',
        '{{ .Values.registry }}/busybox:1',
        'quay.io/acme/fixed:1',
      ]
        .map(image)
        .join(''),
    });
    const request = { chart };
    const [result] = await values(contextIn(scratch), { request, bundle: undefined, target, render: {} });
    expect(result?.proof.residue.map(({ reference, because }) => [reference, because])).toEqual([
      [
        'docker.io/library/busybox:1',
        expect.stringMatching(/^registry .*ecr\.example:5000\/mirrored\/docker\.io\b.*docker\.io\/acme\/app:1$/),
      ],
      ['quay.io/acme/fixed:1', expect.stringContaining('template')],
    ]);
    expect(result?.yaml).toMatch(
      /^# Still public: docker\.io\/library\/busybox:1 .*\bregistry\b.*docker\.io\/acme\/app:1$/m,
    );
  });

  test('name the --set key that keeps a reference public', async () => {
    const scratch = scratchFolder();
    const chart = await writeFiles(join(scratch, 'web'), {
      'Chart.yaml': chartYaml('web'),
      'values.yaml':
        'a: {repository: quay.io/acme/a}\nb: {"x.y": quay.io/acme/b}\nc: [quay.io/acme/c]\nd: {image: quay.io/acme/d}\n',
      'templates/a.yaml': [
        '{{ .Values.a.repository }}:1',
        '{{ index .Values.b "x.y" }}:1',
        '{{ index .Values.c 0 }}:1',
        '{{ .Values.d.image }}:1',
        'quay.io/acme/fixed:1',
      ]
        .map((image) => `kind: Pod\nspec: {containers: [{image: "${image}"}]}\n---\n`)
        .join(''),
    });
    const render = {
      set: ['other=1,a.repository=quay.io/acme/a'],
      setString: ['b.x\\.y=quay.io/acme/b,c={quay.io/acme/c}'],
      setJson: ['d={"image":"quay.io/acme/d"}'],
    };
    const [result] = await values(contextIn(scratch), { request: { chart }, bundle: undefined, target, render });
    const reasons = result?.proof.residue.map(({ reference, because = '' }) => [
      reference,
      /^--[a-z-]+ \S+/.exec(because)?.[0] ?? because,
    ]);
    expect(reasons).toEqual([
      ['quay.io/acme/a:1', '--set a.repository'],
      ['quay.io/acme/b:1', '--set-string b.x\\.y'],
      ['quay.io/acme/c:1', '--set-string c'],
      ['quay.io/acme/d:1', '--set-json d'],
      ['quay.io/acme/fixed:1', expect.stringContaining('template')],
    ]);
  });

  test('omit settings that the chart refuses, with a warning and an unmapped reference', async () => {
    const scratch = scratchFolder();
    const pod = (n: number, image: string): string =>
      `kind: Pod\nmetadata: {name: p${n}}\nspec: {containers: [{image: "${image}"}]}\n`;
    await writeFiles(join(scratch, 'picky'), {
      'Chart.yaml': chartYaml('picky'),
      'values.yaml': 'strict: {registry: registry.example}\nfree: {registry: registry.example}\n',
      // The pattern does not allow ports and paths.
      'values.schema.json': JSON.stringify({
        type: 'object',
        properties: { strict: { properties: { registry: { type: 'string', pattern: '^[a-z0-9.-]+$' } } } },
      }),
      'templates/pods.yaml': `${pod(1, '{{ .Values.strict.registry }}/a:1')}---\n${pod(2, '{{ .Values.free.registry }}/b:1')}`,
    });
    const events: AirgapEvent[] = [];
    const request = { chart: './picky' };
    const [result] = await values(contextIn(scratch, events), { request, bundle: undefined, target, render: {} });
    expect(result?.overrides).toEqual({ free: { registry: 'ecr.example:5000/mirrored/registry.example' } });
    expect(result?.proof).toMatchObject({
      references: 2,
      rewritten: 1,
      residue: [{ reference: 'registry.example/a:1' }],
    });
    const warning = events.find(({ type }) => type === 'warning') as { message: string } | undefined;
    expect(warning?.message).toMatch(/^strict\.registry .*schema/s);
    expect(await readdir(scratch)).toEqual(['picky']);
  });

  test("report Helm's own error", async () => {
    const scratch = scratchFolder();
    const chart = join(CHARTS, 'broken');
    const { code, out, err } = await airgap(['values', chart, '--to', 'ecr.example/m'], envOf(scratch), scratch);
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain('database.host is needed: the name of the database server');
    expect(err).toMatch(/^Hint: .*--set/m);
  });

  test('are written to a folder, where only earlier overrides are replaced', async () => {
    const scratch = scratchFolder();
    const args = ['values', join(CHARTS, 'hardcoded'), '--to', 'ecr.example/m', '--out-dir', join(scratch, 'out')];
    const path = join(scratch, 'out/hardcoded.yaml');
    expect(await airgap(args, envOf(scratch), scratch)).toMatchObject({ code: 3, out: 'out/hardcoded.yaml written\n' });
    const first = await readFile(path, 'utf8');
    expect(await airgap(args, envOf(scratch), scratch)).toMatchObject({ code: 3 });
    expect(await readFile(path, 'utf8')).toBe(first);
    await writeFile(path, 'site: mine\n');
    const { code, err } = await airgap(args, envOf(scratch), scratch);
    expect(code).toBe(1);
    expect(err).toMatch(/Error: .*hardcoded\.yaml.*\nHint: /);
    expect(await readFile(path, 'utf8')).toBe('site: mine\n');
    expect(await readdir(join(scratch, 'out'))).toEqual(['hardcoded.yaml']);
  });
});
