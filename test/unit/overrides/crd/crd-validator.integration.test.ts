import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { values } from '../../../../src/workflows/values/values.ts';
import { chartYaml, writeFiles } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { agentCrd } from '../../../support/overrides/agent-crd.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const target = parseTarget('ecr.example:5000/m', 'host-path');

const image = { type: 'string', pattern: '^[a-z./-]+:[0-9]+$' };

describe.for(HELMS)('custom resources with a CRD in the chart, with Helm $version', (helm) => {
  async function result(files: Readonly<Record<string, string>>) {
    const scratch = scratchFolder();
    const chart = await writeFiles(join(scratch, 'op'), {
      'Chart.yaml': chartYaml('op'),
      'values.yaml': 'image: quay.io/acme/operator:1\nagent: quay.io/acme/agent:1\n',
      'templates/pod.yaml': 'kind: Pod\nspec: {containers: [{name: c, image: "{{ .Values.image }}"}]}\n',
      'templates/agent.yaml':
        'apiVersion: acme.example/v1\nkind: Agent\nmetadata: {name: a}\nspec: {image: "{{ .Values.agent }}"}\n',
      ...files,
    });
    const context = {
      env: { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: scratch },
      cwd: scratch,
      emit: () => undefined,
    };
    const [one] = await values(context, { request: { chart }, bundle: undefined, target, render: {} });
    return { overrides: one?.overrides, residue: one?.proof.residue ?? [], notKnown: one?.proof.notKnown ?? [] };
  }
  const test = it.skipIf(helm.path === undefined);
  const [operator, agent] = ['operator', 'agent'].map((name) => `ecr.example:5000/m/quay.io/acme/${name}:1`);

  test('are not changed in a way that the CRD rejects, with a reason', async () => {
    const { overrides, residue } = await result({
      'crds/agent.yaml': agentCrd({ type: 'object', properties: { image } }),
    });
    expect(overrides).toEqual({ image: operator });
    expect(residue.map(({ reference }) => reference)).toEqual(['quay.io/acme/agent:1']);
    expect(residue[0]?.because).toContain('Agent a: spec.image');
  });

  test('are checked against CRDs of subcharts too', async () => {
    const { residue } = await result({
      'Chart.yaml': chartYaml('op', '1.0.0', 'dependencies: [{name: crds, version: 1.0.0}]\n'),
      'charts/crds/Chart.yaml': chartYaml('crds'),
      'charts/crds/crds/agent.yaml': agentCrd({ type: 'object', properties: { image } }),
    });
    expect(residue).toHaveLength(1);
  });

  test('are named as not checked if their CRD cannot be read, and a value that works is used', async () => {
    const unread = `${agentCrd({ type: 'object', properties: { image } })}      bad: *X\n`;
    const { overrides, residue, notKnown } = await result({ 'crds/agent.yaml': unread });
    expect([overrides, residue]).toEqual([{ image: operator, agent }, []]);
    expect(notKnown.map(({ name }) => name)).toEqual(['acme.example/v1 Agent']);
  });

  test('may have fields that the CRD does not define and the chart sets', async () => {
    const { overrides, residue } = await result({ 'crds/agent.yaml': agentCrd({ type: 'object', properties: {} }) });
    expect([overrides, residue]).toEqual([{ image: operator, agent }, []]);
  });

  test('may have violations that exist without the overrides', async () => {
    const wrong = agentCrd({ type: 'object', required: ['size'], properties: { image: { type: 'string' } } });
    const { overrides, residue } = await result({ 'crds/agent.yaml': wrong });
    expect([overrides, residue]).toEqual([{ image: operator, agent }, []]);
  });
});
