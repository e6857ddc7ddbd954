import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { formatKyverno } from '../../../../src/overrides/formats/kyverno.ts';
import { formatPolicyController } from '../../../../src/overrides/formats/policy-controller.ts';
import { CrdSchemas } from '../../../support/crd-schemas.ts';
import { moduleFolder } from '../../../support/go.ts';
import { MAIL, PUBLIC_KEY, privateKeys, signedImage, signers, WORKFLOW } from '../../../support/policies.ts';

/** The custom resource definitions of Kyverno and of policy-controller accept the policies, of which unknown fields are errors. */

let schemas: CrdSchemas | undefined;
let missing = '';
let objects: { readonly kind: string }[] = [];

beforeAll(async () => {
  const [kyverno, controller] = ['github.com/kyverno/kyverno', 'github.com/sigstore/policy-controller'].map((module) =>
    moduleFolder('policies', module),
  ) as [ReturnType<typeof moduleFolder>, ReturnType<typeof moduleFolder>];
  if ('missing' in kyverno) missing = kyverno.missing;
  else if ('missing' in controller) missing = controller.missing;
  else {
    const crd = (file: string, version: string) => ({ file: join(controller.folder, 'config', file), version });
    const clusterPolicies = join(kyverno.folder, 'config/crds/kyverno/kyverno.io_clusterpolicies.yaml');
    schemas = new CrdSchemas({
      ClusterPolicy: { file: clusterPolicies, version: 'v1' },
      ClusterImagePolicy: crd('300-clusterimagepolicy.yaml', 'v1beta1'),
      TrustRoot: crd('300-trustroot.yaml', 'v1alpha1'),
    });
  }
  const target = parseTarget('registry.internal/m', 'host-path');
  const options = {
    title: 'Images.',
    trusted: await privateKeys(),
    plainHttp: true,
    unsigned: [],
    exempt: [signedImage('quay.io/e:1', signers(MAIL))],
  };
  const images = [
    signedImage('quay.io/a:1', signers(WORKFLOW)),
    signedImage('quay.io/b:1', { keys: [PUBLIC_KEY], identities: [MAIL] }),
    signedImage('quay.io/c:1', signers(MAIL), { form: 'referrer' }),
    signedImage('quay.io/d:1', signers(MAIL), { form: 'bundle' }),
    signedImage('quay.io/f:1', { keys: [PUBLIC_KEY], identities: [] }, { form: 'bundle' }),
  ];
  objects = [formatKyverno(images, target, options), formatPolicyController(images, target, options)].flatMap(
    ({ files }) => files.flatMap(({ text }) => parseAllDocuments(text).map((document) => document.toJS())),
  );
}, 130_000);

it('accept each object', ({ skip }) => {
  if (schemas === undefined) return skip(missing);
  expect(objects.map(({ kind }) => kind)).toEqual([
    'ClusterPolicy',
    'TrustRoot',
    ...Array(3).fill('ClusterImagePolicy'),
  ]);
  expect(objects.flatMap((object) => schemas?.problems(object))).toEqual([]);
});

it.for([
  ['imageReferences', 'imageReference'],
  ['subjectRegExp', 'subjectRegexp'],
  ['ignoreTlog', 'ignoreTLog'],
  ['cosignOCI11', 'cosignOci11'],
  ['SigstoreBundle', 'Bundle'],
  ['static', 'pass'],
  ['trustRootRef', 'trustRoot'],
  ['certChain', 'chain'],
  ['tLogs', 'tlogs'],
] as const)('refuse another name for %s', ([name, other], { skip }) => {
  if (schemas === undefined) return skip(missing);
  const changed = JSON.parse(JSON.stringify(objects).replaceAll(`"${name}"`, `"${other}"`));
  expect(changed.flatMap((object: { kind: string }) => schemas?.problems(object))).not.toEqual([]);
});
