import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { chartYaml, writeFiles } from '../support/charts.ts';
import { airgapOk, countingHelm, helmUnderTest, program } from '../support/cli.ts';
import { expectLine } from '../support/facts.ts';
import { pushImage } from '../support/images.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** Secrets in the values that a chart is bundled and installed with. */

const home = scratchFolder();
let upstream: TestRegistry;
let chart: string;

beforeAll(async () => {
  upstream = await startRegistry();
  for (const name of ['app', 'agent', 'side']) await pushImage(upstream.host, `acme/${name}`, '1');
  chart = await writeFiles(join(home, 'web'), {
    'Chart.yaml': chartYaml('web'),
    'values.yaml': 'image: quay.io/acme/app:1\nconfig: ""\nextra: []\n',
    'templates/a.yaml': [
      'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n  - name: a\n    image: {{ .Values.image }}\n',
      '{{ with .Values.extra }}{{ toYaml . | indent 2 }}{{ end }}\n---\n',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  config: {{ .Values.config | quote }}\n---\n',
      'apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ndata:\n  config: {{ .Values.config | b64enc }}\n',
    ].join(''),
  });
});
afterAll(() => upstream.stop());

/** Values with a password in a text and in a list, each with an image. The bundle has the file's name. */
function values(password: string): string {
  const file = join(home, `values-${password.at(-1)}.yaml`);
  const config = `password: ${password}\\nagent: {image: "quay.io/acme/agent:1"}\\n`.replaceAll('"', '\\"');
  const extra = `{name: side, image: "quay.io/acme/side:1", env: [{name: PASSWORD, value: ${password}}]}`;
  writeFileSync(file, `config: "${config}"\nextra: [${extra}]\n`);
  return file;
}

test('are not in the bundle, which still has the recipes of its references', async () => {
  const [file, out] = [join(home, 'web.tar'), join(home, 'o.yaml')];
  const mirror = ['--mirror', `quay.io=${upstream.host}`, '--plain-http', upstream.host];
  await airgapOk(['bundle', chart, '-f', values('hunter2'), ...mirror, '--out', file], home);
  const bytes = readFileSync(file);
  for (const text of ['hunter2', Buffer.from('hunter2').toString('base64').slice(0, 9)]) {
    expect(bytes.includes(text)).toBe(false);
  }
  const inspection = JSON.parse((await airgapOk(['inspect', file, '-o', 'json'], home)).stdout);
  expect(inspection.images).toHaveLength(3);
  expect(inspection.wholeTexts).toBeUndefined();
  expect(inspection.lock.charts[0].profiles[0].recipes[0].slots.length).toBeGreaterThanOrEqual(3);

  // The recipes work for another password of the same length too: fewer renders than without the bundle.
  const helm = countingHelm(home);
  const env = { HELM_BIN: helm.path };
  await airgapOk(['values', chart, '--to', 'r.example/m', '-f', values('hunter2'), '--out', out], home, { env });
  let before = helm.renders();
  const probing = before;
  for (const password of ['hunter2', 'hunter3']) {
    const own = values(password);
    const args = ['values', 'web', '--bundle', file, '--to', 'r.example/m', '-f', own, '--out', out];
    const run = await airgapOk(args, home, { env });
    expect(helm.renders() - before).toBeLessThan(probing);
    before = helm.renders();
    expectLine(run.stderr, /\bconfig, extra\b/);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(parse(readFileSync(out, 'utf8'))).toMatchObject({
      config: `password: ${password}\nagent: {image: "r.example/m/quay.io/acme/agent:1"}\n`,
      extra: [{ image: 'r.example/m/quay.io/acme/side:1', env: [{ value: password }] }],
    });
    const rendered = await program(helmUnderTest(), ['template', 'x', chart, '-f', own, '-f', out], home);
    expect(rendered).not.toMatch(/(?<!m\/)quay\.io/);
  }
});
