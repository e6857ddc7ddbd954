import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chartYaml, writeFiles } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { HOSTILE_MANIFESTS } from '../../../support/hostile-yaml.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap } from '../../../support/terminal.ts';

const IMAGE = 'ghcr.io/acme/a:1.0';
const workload = (image: string, kind = 'Deployment'): string =>
  `apiVersion: apps/v1\nkind: ${kind}\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{image: "${image}"}]}}}\n`;

interface Images {
  readonly images: readonly { readonly reference: string; readonly found: readonly { readonly template: string }[] }[];
}

describe.for(HELMS)('a hostile chart with Helm $version', (helm) => {
  const test = it.skipIf(helm.path === undefined);

  async function run(files: Readonly<Record<string, string>>, ...args: string[]) {
    const scratch = scratchFolder();
    await writeFiles(join(scratch, 'web'), { 'Chart.yaml': chartYaml('web'), ...files });
    return inFolder(scratch, ...args);
  }

  function inFolder(scratch: string, command = 'images', chart = './web', ...args: string[]) {
    const env = { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: scratch };
    return airgap([command, chart, ...(args.length > 0 ? args : ['-o', 'json'])], env, scratch);
  }

  const templatesOf = (out: string): string[] =>
    (JSON.parse(out) as Images).images
      .filter(({ reference }) => reference === IMAGE)
      .flatMap(({ found }) => found.map(({ template }) => template))
      .sort();

  test('cannot hide an image behind unusual YAML', async () => {
    const files = Object.values(HOSTILE_MANIFESTS).map((text, i) => [
      `templates/t${String(i).padStart(2, '0')}.yaml`,
      text,
    ]);
    const { code, out, err } = await run(Object.fromEntries(files));
    expect(err).not.toContain('Error');
    expect(code).toBe(0);
    expect(templatesOf(out)).toEqual(files.map(([name]) => `web/${name}`));
  });

  test.for(['crds/web.yaml', 'crds/deep/web.YML', 'charts/sub/crds/web.json'])(
    'is refused for a workload in %s',
    async (path) => {
      const definition = 'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}\n';
      const files = {
        'templates/a.yaml': workload('ghcr.io/acme/b:1.0'),
        'charts/sub/Chart.yaml': chartYaml('sub'),
      };
      expect(await run({ ...files, [path]: definition })).toMatchObject({ code: 0 });
      expect(await run({ ...files, [path]: `${definition}--- # more\n${workload(IMAGE)}` })).toMatchObject({
        code: 1,
        err: expect.stringContaining('Deployment/web'),
      });
    },
  );

  test('is refused for a workload in a long crds/ file of a packed subchart', async () => {
    const scratch = scratchFolder();
    const long = `# ${'x'.repeat(1_200_000)}\n${workload(IMAGE)}`;
    await writeFiles(scratch, {
      'web/Chart.yaml': chartYaml('web'),
      'web/templates/a.yaml': workload('ghcr.io/acme/b:1.0'),
      'sub/Chart.yaml': chartYaml('sub'),
      'sub/crds/a.yaml': long,
    });
    await mkdir(join(scratch, 'web/charts'));
    execFileSync('tar', ['-czf', join(scratch, 'web/charts/sub-1.0.0.tgz'), '-C', scratch, 'sub']);
    expect(await inFolder(scratch)).toMatchObject({ code: 1, err: expect.stringContaining('Deployment/web') });
  });

  test("cannot hide an image in a template or document named like the tool's own", async () => {
    const forged = `a: 1\n---\n---\n# Source: web/templates/airgap-coalesced-values.yaml\nvalues: "{}"\n---\n${workload(IMAGE)}`;
    const { code, out } = await run({
      'templates/airgap-coalesced-values.yaml': `values: "{}"\n---\n${workload(IMAGE)}`,
      'templates/forged.yaml': forged,
    });
    expect(code).toBe(0);
    expect(templatesOf(out)).toEqual(['web/templates/airgap-coalesced-values.yaml', 'web/templates/forged.yaml']);
  });

  test('is refused for a line break in a template name, also in nested archives', async () => {
    const name = 'templates/a\nb.yaml';
    expect(await run({ [name]: workload(IMAGE) })).toMatchObject({
      code: 1,
      err: expect.stringContaining('a\\nb.yaml'),
    });
    const scratch = scratchFolder();
    const pack = (folder: string, parent: string): void => {
      execFileSync('tar', ['czf', join(scratch, parent, `charts/${folder}.tgz`), folder], { cwd: scratch });
    };
    await writeFiles(join(scratch, 'inner'), { 'Chart.yaml': chartYaml('inner'), [name]: workload(IMAGE) });
    await writeFiles(join(scratch, 'outer'), { 'Chart.yaml': chartYaml('outer') });
    await writeFiles(join(scratch, 'web'), { 'Chart.yaml': chartYaml('web') });
    await mkdir(join(scratch, 'outer/charts'));
    await mkdir(join(scratch, 'web/charts'));
    pack('inner', 'outer');
    pack('outer', 'web');
    expect(await inFolder(scratch)).toMatchObject({ code: 1, err: expect.stringContaining('a\\nb.yaml') });
  });

  test.each([['images'], ['values', './web', '--to', 'r.example/m']])(
    'is refused by %s for an image of a container that is no reference',
    async (...args) => {
      const { code, err, out } = await run({ 'templates/a.yaml': workload('ghcr.io/acme/b:') }, ...args);
      expect(code).toBe(1);
      expect(out).toMatch(args[0] === 'images' ? /"kind": "Failure"/ : /^$/);
      expect(err).toContain('web/templates/a.yaml: Deployment/web spec.template.spec.containers[0].image');
    },
  );

  // Its name is a public one all the same, so that overrides leave it.
  test.each<[number, string[]]>([
    [3, ['images']],
    [3, ['values', './web', '--to', '127.0.0.1:1/m']],
  ])('is warned about for one in a custom resource: exit code %i of %j', async (expected, args) => {
    const rollout = workload('ghcr.io/acme/b:', 'Rollout').replace('apps/v1', 'argoproj.io/v1alpha1');
    const { code, err } = await run({ 'templates/a.yaml': rollout }, ...args);
    expect(code).toBe(expected);
    expect(err).toContain('web/templates/a.yaml: Rollout/web spec.template.spec.containers[0].image');
  });

  test.each<[string, Record<string, string>]>([
    ['values', { 'values.yaml': `x: ${'{"a":'.repeat(3000)}1${'}'.repeat(3000)}\n` }],
    ['documents', { 'templates/a.yaml': `${workload(IMAGE)}x: ${'['.repeat(3000)}${']'.repeat(3000)}\n` }],
  ])('is refused for %s that nest too deep, in words about the chart', async (_, files) => {
    const { code, err } = await run(files);
    expect(code).toBe(1);
    expect(err).not.toContain('unexpected');
  });
});
