import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ignoreEvents } from '../../../src/base/events.ts';
import { fetchChart } from '../../../src/helm/fetch.ts';
import { Renderer } from '../../../src/helm/render.ts';
import { parseTarget } from '../../../src/naming/naming.ts';
import { checkReadBack } from '../../../src/overrides/overrides-file.ts';
import { values } from '../../../src/workflows/values/values.ts';
import { chartYaml, writeFiles } from '../../support/charts.ts';
import { HELMS } from '../../support/helm.ts';
import { helmIn } from '../../support/isolated-helm.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** Helm must read the file as it was proved. Go's YAML treats NEL, LS and PS as line breaks, JavaScript's does not. */

const target = parseTarget('ecr.example:5000/m', 'host-path');

describe.for(HELMS)('overrides read by Helm $version', (binary) => {
  test.skipIf(binary.path === undefined)('are those that were proved, for any line breaks in chart keys', async () => {
    const folder = scratchFolder();
    // The key appears in a reason at the top of the file and as a key of the overrides.
    const key = 'k\u0085evil: {image: quay.io/evil/app}\u2028evil2';
    const image = (text: string): string => `kind: Pod\nspec: {containers: [{image: "${text}"}]}\n---\n`;
    const registry = `{{ (index .Values ${JSON.stringify(key).replace('\u0085', '\\u0085').replace('\u2028', '\\u2028')}).registry }}`;
    const chart = await writeFiles(join(folder, 'web'), {
      'Chart.yaml': chartYaml('web'),
      'values.yaml': '"k\\Nevil: {image: quay.io/evil/app}\\Levil2": {registry: docker.io}\n',
      'templates/a.yaml':
        image(`${registry}/acme/app:1`) +
        image(`${registry}/busybox:1`) +
        '{{- with .Values.evil }}\n' +
        image('{{ .image }}:1') +
        '{{- end }}\n',
    });
    const env = { PATH: process.env.PATH, HELM_BIN: binary.path, TMPDIR: folder };
    const context = { env, cwd: folder, emit: ignoreEvents };
    const [result] = await values(context, { request: { chart }, bundle: undefined, target, render: {} });
    expect(result?.yaml).toMatch(/^# Still public: .*docker\.io\/acme\/app:1/m);
    expect(parse(result?.yaml ?? '')).toEqual({ [key]: { registry: 'ecr.example:5000/m/docker.io' } });
    const file = join(folder, 'overrides.yaml');
    await writeFile(file, result?.yaml ?? '');
    const { stdout, exitCode } = await helmIn(folder, binary).run(['template', 'x', chart, '-f', file]);
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain('evil/app');
    expect(stdout).toContain('image: "ecr.example:5000/m/docker.io/acme/app:1"');
  });

  test.skipIf(binary.path === undefined)('are refused if another parser reads them differently', async () => {
    const folder = scratchFolder();
    const chart = await writeFiles(join(folder, 'web'), {
      'Chart.yaml': chartYaml('web'),
      'values.yaml': 'a: 0\nb: 0\n',
      'templates/a.yaml': 'kind: ConfigMap\ndata: {a: "{{ .Values.a }}", b: "{{ .Values.b }}"}\n',
    });
    const helm = helmIn(folder, binary);
    const renderer = new Renderer(helm, await fetchChart(helm, { chart }, folder, folder), join(folder, 'render'));
    const check = (text: string): Promise<void> => checkReadBack(renderer, {}, { a: 1 }, text);
    await expect(check('# fine\na: 1\n')).resolves.toBeUndefined();
    await expect(check('# fïne\na: 1\n')).resolves.toBeUndefined();
    const differentTexts = ['# c\u0085b: 2\na: 1\n', '# c\u2028b: 2\na: 1\n', 'a: 2\n', 'a: "1"\n', 'a: [\n'];
    for (const text of differentTexts) await expect(check(text), text).rejects.toMatchObject({ code: 'chart-invalid' });
  });
});
