import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { Helm } from '../../../../../src/helm/helm.ts';
import { proveChange } from '../../../../../src/workflows/public-ecr/writing/prove-change.ts';
import { chartYaml, writeFiles } from '../../../../support/charts.ts';
import { helmUnderTest } from '../../../../support/cli.ts';
import { scratchFolder } from '../../../../support/scratch.ts';

const FROM = 'docker.io/library/redis:7';
const TO = 'public.ecr.aws/docker/library/redis:7';
const POD = `apiVersion: v1
kind: Pod
metadata: {name: app}
spec: {containers: [{name: app, image: "{{ .Values.image }}"}]}
`;

let folder: string;
beforeEach(() => {
  folder = scratchFolder();
});

/** Proves a change of `image` in the chart's own values, or in the files that are named. */
async function prove(
  files: Readonly<Record<string, string>>,
  changed: readonly string[] = ['values.yaml'],
  values: readonly string[] = [],
): Promise<{ readonly hasChanges: boolean; readonly warnings: readonly string[] }> {
  const all = {
    'Chart.yaml': chartYaml('app'),
    'values.yaml': `image: ${FROM}\n`,
    'templates/pod.yaml': POD,
    ...files,
  };
  const chart = join(folder, 'app');
  await writeFiles(chart, all);
  const warnings: string[] = [];
  const context = {
    env: { ...process.env, HELM_BIN: helmUnderTest() },
    cwd: folder,
    emit: (event: { readonly type: string; readonly message?: string }) => {
      if (event.type === 'warning') warnings.push(event.message ?? '');
    },
  };
  const texts = changed.map((path): [string, string] => {
    const text = (all as Readonly<Record<string, string>>)[path] ?? '';
    return [join(chart, path), text.replaceAll(FROM, TO)];
  });
  const options = { values: values.map((path) => join('app', path)) };
  const job = { request: { chart: 'app' }, profiles: [{ name: 'default', options }] } as const;
  const hasChanges = await proveChange(
    context,
    new Helm(context),
    { folder: chart, job, texts: new Map(texts), moved: new Map([[FROM, TO]]) },
    undefined,
    join(folder, 'scratch'),
  );
  return { hasChanges, warnings };
}

const configMap = (data: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: ${data}}\n`;

describe('the renders of a chart with and without the changes', () => {
  test('differ in images only', async () => {
    expect(await prove({})).toEqual({ hasChanges: true, warnings: [] });
  });

  test('may differ in checksums, encoded texts, and what is random in each', async () => {
    const templates = {
      'templates/config.yaml': configMap('"{{ .Values.image }}"'),
      'templates/secret.yaml': `apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata:\n  a: {{ printf "image: %s" .Values.image | b64enc }}\n  b: {{ randAlphaNum 30 | b64enc }}\n`,
      'templates/deployment.yaml': `apiVersion: v1\nkind: Pod\nmetadata:\n  name: b\n  annotations: {checksum/config: {{ include (print $.Template.BasePath "/config.yaml") . | sha256sum }}}\n`,
    };
    expect(await prove(templates)).toEqual({ hasChanges: true, warnings: [] });
  });

  test.each([
    ['a length', '"{{ len .Values.image }}"', 'data.a'],
    ['a condition', '{{ if contains "docker.io" .Values.image }}b{{ else }}c{{ end }}', 'data.a'],
    ['a registry alone', '{{ splitList "/" .Values.image | first }}', 'data.a'],
  ])('name the first other difference: %s', async (_, data, path) => {
    await expect(prove({ 'templates/config.yaml': configMap(data) })).rejects.toMatchObject({
      code: 'chart-render',
      message: expect.stringMatching(new RegExp(`app/templates/config\\.yaml.*${path}`)),
    });
  });

  test('are those of an upgrade too', async () => {
    const template = `{{ if .Release.IsUpgrade }}${configMap('"{{ len .Values.image }}"')}{{ end }}`;
    await expect(prove({ 'templates/config.yaml': template })).rejects.toMatchObject({ code: 'chart-render' });
  });

  test('take subcharts in folders, and values files that change', async () => {
    const subchart = {
      'charts/db/Chart.yaml': chartYaml('db'),
      'charts/db/values.yaml': `image: ${FROM}\n`,
      'charts/db/templates/pod.yaml': POD,
    };
    expect(await prove(subchart, ['charts/db/values.yaml'])).toMatchObject({ hasChanges: true });
    expect(await prove({ 'prod.yaml': `image: ${FROM}\n` }, ['prod.yaml'], ['prod.yaml'])).toMatchObject({
      hasChanges: true,
    });
    expect(await prove({ 'prod.yaml': `image: ${FROM}\n` }, ['prod.yaml'])).toMatchObject({ hasChanges: false });
  });

  test('are made although helm lint refuses the chart as it is, with a warning', async () => {
    const { hasChanges, warnings } = await prove({
      'Chart.yaml': `${chartYaml('app')}icon: not a URL\n`,
    });
    expect(hasChanges).toBe(true);
    expect(warnings).toEqual([expect.stringContaining('helm lint')]);
  });
});
