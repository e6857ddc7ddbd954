import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseRules } from '../../../../src/discovery/rules/index.ts';
import { fetchChart } from '../../../../src/helm/fetch.ts';
import { Renderer } from '../../../../src/helm/render.ts';
import type { LocatedReference } from '../../../../src/inventory/finding.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { type ChartOverrides, type OverrideOptions, overrideChart } from '../../../../src/overrides/override-chart.ts';
import { chartYaml, writeFiles } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { helmIn } from '../../../support/isolated-helm.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const target = parseTarget('ecr.example:5000/m', 'host-path');

/** Image named in the environment of the operator's image. */
function operand(redirect: LocatedReference['redirect']): LocatedReference {
  return {
    chart: 'op',
    profile: 'default',
    template: '',
    document: 0,
    kind: 'Image',
    name: 'quay.io/acme/operator:1',
    path: 'config.Env["WORKER_IMAGE"]',
    how: 'image-config',
    written: 'quay.io/acme/worker:1',
    reference: 'quay.io/acme/worker:1',
    confidence: 'likely',
    need: 'operand',
    ...(redirect === undefined ? {} : { redirect }),
  };
}

const WORKER = operand({ kind: 'env', name: 'WORKER_IMAGE' });

const pod = (more: string): string => `
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
    - name: operator
      image: {{ .Values.image }}
      ${more.replaceAll('\n', '\n      ')}
`;
const ENTRIES = pod(`env:
  - {name: OTHER, value: x}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 8 }}
  {{- end }}`);

describe.for(HELMS)('operands under Helm $version', (helm) => {
  async function overrides(
    values: string,
    template: string,
    worker: LocatedReference | null = WORKER,
    more: Partial<OverrideOptions> = {},
  ): Promise<ChartOverrides> {
    const scratch = scratchFolder();
    const folder = await writeFiles(join(scratch, 'op'), {
      'Chart.yaml': chartYaml('op'),
      'values.yaml': `image: quay.io/acme/operator:1\n${values}`,
      'templates/a.yaml': template,
    });
    const chart = await fetchChart(helmIn(scratch, helm), { chart: folder }, join(scratch, 'w'), scratch);
    const renderer = new Renderer(helmIn(scratch, helm), chart, join(scratch, 'r'));
    const options = { rules: [], emit: () => undefined, operands: worker === null ? [] : [worker], ...more };
    return await overrideChart(renderer, { name: 'default', options: {} }, target, options);
  }
  const test = it.skipIf(helm.path === undefined);
  const privateName = 'ecr.example:5000/m/quay.io/acme/worker:1';

  test('get a variable through a list value, and keep its existing entries', async () => {
    const found = await overrides('extraEnv: [{name: A, value: b}]\n', ENTRIES);
    expect(found.overrides.extraEnv).toEqual([
      { name: 'A', value: 'b' },
      { name: 'WORKER_IMAGE', value: privateName },
    ]);
    expect(found.proof).toEqual({
      references: 2,
      rewritten: 2,
      residue: [],
      injected: [{ name: 'WORKER_IMAGE', value: privateName }],
    });
  });

  test('get a variable through a map, or through a value that only the template reads', async () => {
    const map = pod(
      'env:\n  {{- range $name, $value := .Values.env }}\n  - {name: {{ $name }}, value: "{{ $value }}"}\n  {{- end }}',
    );
    expect((await overrides('env: {A: b}\n', map)).overrides.env).toEqual({ WORKER_IMAGE: privateName });
    expect((await overrides('', ENTRIES)).overrides.extraEnv).toEqual([{ name: 'WORKER_IMAGE', value: privateName }]);
  });

  test('get an argument', async () => {
    const args = pod('args: {{ concat (list "--v=2") (.Values.extraArgs | default list) | toJson }}');
    const worker = operand({ kind: 'argument', name: '--worker-image' });
    expect((await overrides('extraArgs: []\n', args, worker)).overrides.extraArgs).toEqual([
      `--worker-image=${privateName}`,
    ]);
  });

  test('stay unmapped, with a reason, if no value changes only them', async () => {
    const withChecksum = `${ENTRIES}---\nkind: ConfigMap\ndata: {sum: {{ .Values.extraEnv | toJson | sha256sum }}}\n`;
    for (const template of [pod('env: []'), withChecksum]) {
      const { overrides: set, proof } = await overrides('extraEnv: []\n', template);
      expect(set).not.toHaveProperty('extraEnv');
      expect(proof.residue).toMatchObject(
        [{ reference: 'quay.io/acme/worker:1', because: /WORKER_IMAGE/ }].map((expected) => ({
          ...expected,
          because: expect.stringMatching(expected.because),
        })),
      );
    }
  });

  const KINDS = ['Agent', 'Alert', 'Auth', 'Single', 'Manager'];
  const suite = parseRules(
    {
      operator: 'suite',
      source: 'acme/operator, config.go, v1',
      when: { images: ['acme/operator'] },
      images: KINDS.map((kind) => ({
        name: kind.toLowerCase(),
        reference: `docker.io/acme/${kind.toLowerCase()}:{field.spec.image.tag|'7'}`,
        for: { group: 'acme.example', kind },
        unless: [{ env: `${kind.toUpperCase()}_IMAGE` }],
        redirect: { kind: 'env', name: `${kind.toUpperCase()}_IMAGE`, value: '{repository}' },
      })),
    },
    'test',
  );
  const injected = KINDS.map((kind) => ({
    name: `${kind.toUpperCase()}_IMAGE`,
    value: `ecr.example:5000/m/docker.io/acme/${kind.toLowerCase()}`,
  }));
  const resources = (tag: string): string =>
    KINDS.map(
      (kind) =>
        `---\napiVersion: acme.example/v1\nkind: ${kind}\nmetadata: {name: x}\nspec: {image: {tag: "${tag}"}}\n`,
    ).join('');
  const workload = `apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  template:
    spec:
      containers:
        - name: operator
          image: {{ .Values.image }}
          env:
            - {name: OTHER, value: x}
            {{- with .Values.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
`;

  test('of one operator get all their variables in one list, including those that resources of the chart require', async () => {
    for (const template of [workload, workload + resources('8')]) {
      const values = 'extraEnv: [{name: A, value: b}]\n';
      const { overrides: set, proof } = await overrides(values, template, null, { rules: suite });
      expect(set.extraEnv).toEqual(expect.arrayContaining([{ name: 'A', value: 'b' }, ...injected]));
      expect(set.extraEnv).toHaveLength(6);
      expect(proof.residue).toEqual([]);
      expect(proof.injected).toEqual(injected.toSorted((a, b) => (a.name < b.name ? -1 : 1)));
    }
  });

  test('get those variables that the template does not set itself', async () => {
    const ownVariable = workload.replace('{name: OTHER, value: x}', '{name: AUTH_IMAGE, value: ""}');
    const { overrides: set, proof } = await overrides('extraEnv: []\n', ownVariable, null, { rules: suite });
    expect(set.extraEnv).toEqual(expect.arrayContaining(injected.filter(({ name }) => name !== 'AUTH_IMAGE')));
    expect(set.extraEnv).toHaveLength(4);
    expect(proof.residue.map(({ reference }) => reference)).toEqual(['docker.io/acme/auth:7']);
  });

  test('get nothing if injection is disabled or their defaults are not required', async () => {
    const options = { rules: suite, inject: false };
    const { overrides: set, proof } = await overrides('extraEnv: []\n', workload, null, options);
    expect(set).not.toHaveProperty('extraEnv');
    expect(proof).not.toHaveProperty('injected');
    expect(proof.residue).toHaveLength(5);
    expect(proof.residue[0]?.because).toContain('--no-inject');
    const withoutDefaults = { rules: suite, operatorDefaults: false };
    const result = await overrides('extraEnv: []\n', workload, null, withoutDefaults);
    expect(result.proof).toEqual({ references: 1, rewritten: 1, residue: [] });
  });

  test('for resources of users are not moved by a resource of the chart with the same image', async () => {
    const customResource = `apiVersion: acme.example/v1
kind: Agent
metadata: {name: x}
spec: {image: {repository: {{ .Values.agent }}, tag: "7"}}
`;
    const rules = parseRules(
      suite.map((rule) => ({
        ...rule,
        images: rule.images.slice(0, 1).map((image) => ({ ...image, unless: [{ field: 'spec.image.repository' }] })),
      })),
      'test',
    );
    const withoutExtraEnv = workload.replace(/ {12}\{\{- with[\s\S]*/, '');
    const { proof } = await overrides(
      'agent: docker.io/acme/agent\n',
      `${withoutExtraEnv}---\n${customResource}`,
      null,
      { rules },
    );
    expect(proof.residue.map(({ reference }) => reference)).toEqual(['docker.io/acme/agent:7']);
  });
});
