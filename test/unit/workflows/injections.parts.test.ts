import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PlaceFound } from '../../../src/discovery/index.ts';
import { fetchChart } from '../../../src/helm/fetch.ts';
import { Renderer } from '../../../src/helm/render.ts';
import { parseTarget } from '../../../src/oci/naming.ts';
import { type ChartOverrides, overrideChart } from '../../../src/workflows/overriding/override-chart.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { chartYaml, HELMS, helmIn, writeFiles } from '../helm/scratch.ts';

const target = parseTarget('ecr.example:5000/m', 'host-path');

/** An image that the operator's own image names in its environment. */
function operand(redirect: PlaceFound['redirect']): PlaceFound {
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
  async function overrides(values: string, template: string, one = WORKER): Promise<ChartOverrides> {
    const scratch = scratchFolder();
    const folder = await writeFiles(join(scratch, 'op'), {
      'Chart.yaml': chartYaml('op'),
      'values.yaml': `image: quay.io/acme/operator:1\n${values}`,
      'templates/a.yaml': template,
    });
    const chart = await fetchChart(helmIn(scratch, helm), { chart: folder }, join(scratch, 'w'), scratch);
    const renderer = new Renderer(helmIn(scratch, helm), chart, join(scratch, 'r'));
    const options = { rules: [], emit: () => undefined, operands: [one], inject: true };
    return await overrideChart(renderer, { name: 'default', options: {} }, target, options);
  }
  const test = it.skipIf(helm.path === undefined);
  const moved = 'ecr.example:5000/m/quay.io/acme/worker:1';

  test('get their variable by the list that the chart has for more, what is in it kept', async () => {
    const found = await overrides('extraEnv: [{name: A, value: b}]\n', ENTRIES);
    expect(found.overrides.extraEnv).toEqual([
      { name: 'A', value: 'b' },
      { name: 'WORKER_IMAGE', value: moved },
    ]);
    expect(found.proof).toEqual({ references: 2, rewritten: 2, residue: [] });
  });

  test('get it by a map, or by a leaf that only the template reads', async () => {
    const map = pod(
      'env:\n  {{- range $name, $value := .Values.env }}\n  - {name: {{ $name }}, value: "{{ $value }}"}\n  {{- end }}',
    );
    expect((await overrides('env: {A: b}\n', map)).overrides.env).toEqual({ WORKER_IMAGE: moved });
    expect((await overrides('', ENTRIES)).overrides.extraEnv).toEqual([{ name: 'WORKER_IMAGE', value: moved }]);
  });

  test('get their argument', async () => {
    const args = pod('args: {{ concat (list "--v=2") (.Values.extraArgs | default list) | toJson }}');
    const one = operand({ kind: 'argument', name: '--worker-image' });
    expect((await overrides('extraArgs: []\n', args, one)).overrides.extraArgs).toEqual([`--worker-image=${moved}`]);
  });

  test('stay residue, with the reason, where no value does that alone', async () => {
    const elsewhere = `${ENTRIES}---\nkind: ConfigMap\ndata: {sum: {{ .Values.extraEnv | toJson | sha256sum }}}\n`;
    for (const template of [pod('env: []'), elsewhere]) {
      const { overrides: set, proof } = await overrides('extraEnv: []\n', template);
      expect(set).not.toHaveProperty('extraEnv');
      expect(proof.residue).toMatchObject(
        [{ reference: 'quay.io/acme/worker:1', because: /WORKER_IMAGE would move it/ }].map((one) => ({
          ...one,
          because: expect.stringMatching(one.because),
        })),
      );
    }
  });
});
