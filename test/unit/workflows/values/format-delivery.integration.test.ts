import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { isOverridesFile } from '../../../../src/overrides/index.ts';
import { type DeliveryFormat, formatDelivery } from '../../../../src/workflows/values/format-delivery.ts';
import { writeFiles } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const TARGET = parseTarget('registry.internal.example/mirror', 'host-path');

/** Chart with a second image that its values switch on. */
const CHART = {
  'Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 1.4.0\n',
  'values.yaml': 'image: quay.io/shop/web:1\nsidecar: ""\n',
  'templates/pod.yaml':
    'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n    - {name: a, image: "{{ .Values.image }}"}\n{{- with .Values.sidecar }}\n    - {name: b, image: "{{ . }}"}\n{{- end }}\n',
};

const APPLICATION = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: front}
spec:
  source:
    repoURL: https://charts.example
    chart: shop
    targetRevision: 1.*
    helm:
      valuesObject: {sidecar: "quay.io/shop/proxy:2"}
`;

describe.for(HELMS.slice(-1))('overrides in a manifest with Helm $version', (helm) => {
  const test = it.skipIf(helm.path === undefined);

  async function deliver(format: DeliveryFormat, from?: string) {
    const scratch = scratchFolder();
    const chart = await writeFiles(`${scratch}/shop`, CHART);
    const env = { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: scratch, HOME: scratch };
    const given = from === undefined ? {} : { from };
    const options = { request: { chart }, bundle: undefined, target: TARGET, render: {}, namespace: 'store' };
    const [delivery] = await formatDelivery({ env, cwd: scratch, emit: ignoreEvents }, format, {
      ...options,
      ...given,
      plainHttp: false,
    });
    return delivery;
  }

  test("are derived with the manifest's values", async () => {
    const delivery = await deliver('argocd', APPLICATION);
    expect(delivery?.overrides.proof).toMatchObject({ references: 2, rewritten: 2, residue: [] });
    expect(parse(delivery?.formatted.files[0]?.text ?? '').spec.source.helm.valuesObject).toEqual({
      image: 'registry.internal.example/mirror/quay.io/shop/web:1',
      sidecar: 'registry.internal.example/mirror/quay.io/shop/proxy:2',
    });
  });

  test("report references fixed by the manifest's own values", async () => {
    const parameters = `${APPLICATION}      parameters: [{name: image, value: "quay.io/shop/other:3"}]\n`;
    const delivery = await deliver('argocd', parameters);
    expect(delivery?.overrides.proof.residue.map(({ reference }) => reference)).toEqual(['quay.io/shop/other:3']);
  });

  test('have a head with the result of the proof, which a later run replaces', async () => {
    const own = `# of the team\n${APPLICATION}`;
    const parameters = `${own}      parameters: [{name: image, value: "quay.io/shop/other:3"}]\n`;
    const text = (await deliver('argocd', parameters))?.formatted.files[0]?.text ?? '';
    expect(isOverridesFile(text)).toBe(true);
    expect(text).toMatch(/^# Still public: quay\.io\/shop\/other:3 /m);
    expect(text).toMatch(/^# of the team$/m);
    const again = (await deliver('argocd', text))?.formatted.files[0]?.text ?? '';
    expect(again).toBe(text);
  });

  test('are written to a new resource in the requested namespace', async () => {
    const delivery = await deliver('argocd');
    expect(parse(delivery?.formatted.files[0]?.text ?? '')).toMatchObject({
      metadata: { name: 'shop' },
      spec: { destination: { namespace: 'store' } },
    });
  });

  test('are refused for a manifest without the chart, or with two', async () => {
    await expect(deliver('flux', APPLICATION)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/HelmRelease.*shop/),
    });
    await expect(deliver('argocd', `${APPLICATION}---\n${APPLICATION.replace('front', 'back')}`)).rejects.toMatchObject(
      { code: 'usage', message: expect.stringMatching(/Application.*shop/) },
    );
    await expect(deliver('argocd', 'a: [')).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('YAML'),
    });
  });
});
