import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { isRefusal } from '../../../src/helm/yaml-source.ts';
import { ReferenceRewriter } from '../../../src/openshift/reference-rewriter.ts';
import { registryReplacements } from '../../../src/openshift/registry-replacement.ts';
import { applyRewrites, planRewrites } from '../../../src/openshift/rewrite-workloads.ts';

const [OLD, NEW] = ['old.svc:5000', 'new.svc:5000'];
const [source, destination] = [OLD, NEW].map((host) => ({ internal: [host], routes: [] })) as [never, never];
const renamed = new Map([['shop', 'eshop']]);
const rewriter = new ReferenceRewriter(
  registryReplacements(source, destination, ['shop', 'base'], renamed),
  source,
  destination,
);

/** Returns the rewritten text, and the lines and reasons of what is left. */
function rewrite(text: string): { readonly text: string; readonly left: readonly (readonly [number, string])[] } {
  const plan = planRewrites(text, { rewriter, renamed });
  if (isRefusal(plan)) throw new Error(plan.reason);
  const changed = applyRewrites(text, plan.rewrites);
  return { text: changed, left: plan.left.map(({ line, reason }) => [line, reason] as const) };
}

/** Values that are rewritten: every one is written as `old -> new`, and is `old` before and `new` afterwards. */
function sides(value: unknown): readonly [unknown, unknown] {
  const map = (one: unknown, side: 0 | 1): unknown => {
    if (typeof one === 'string') return one.split(' -> ')[side] ?? one;
    if (Array.isArray(one)) return one.map((item) => map(item, side));
    if (typeof one !== 'object' || one === null) return one;
    return Object.fromEntries(Object.entries(one).map(([key, item]) => [key, map(item, side)]));
  };
  return [map(value, 0), map(value, 1)];
}

const image = `${OLD}/shop/app:1 -> ${NEW}/eshop/app:1`;
const pod = {
  initContainers: [{ image: `${OLD}/base/init@sha256:1 -> ${NEW}/base/init@sha256:1` }],
  containers: [
    {
      image,
      name: 'shop',
      env: [{ name: 'A', value: `x=${OLD}/shop/a -> x=${NEW}/eshop/a` }, { name: 'B', value: 'shop' }, { name: 'C' }],
      args: [`--image=${OLD}/shop/b:2 -> --image=${NEW}/eshop/b:2`, 'shop'],
      command: ['sh', `${OLD}/shop/c -> ${NEW}/eshop/c`],
    },
  ],
  ephemeralContainers: [{ image }],
  volumes: [{ name: 'v', image: { reference: image } }],
};
const template = { spec: { template: { metadata: { labels: { app: 'shop' } }, spec: pod } } };
const metadata = { name: 'shop', namespace: 'shop -> eshop' };
const trigger = (namespace: string): string =>
  JSON.stringify([{ from: { kind: 'ImageStreamTag', name: 'shop:1', namespace }, fieldPath: 'shop' }, { from: {} }]);
const stream = { kind: 'ImageStreamTag', name: 'shop:1', namespace: 'shop -> eshop' };
const docker = { kind: 'DockerImage', name: image, namespace: 'shop' };

const KINDS: Readonly<Record<string, readonly [apiVersion: string, body: object]>> = {
  Pod: ['v1', { spec: pod }],
  Deployment: ['apps/v1', template],
  StatefulSet: ['apps/v1', template],
  DaemonSet: ['apps/v1', template],
  ReplicaSet: ['apps/v1', template],
  Job: ['batch/v1', template],
  CronJob: ['batch/v1beta1', { spec: { jobTemplate: template } }],
  ReplicationController: ['v1', template],
  DeploymentConfig: [
    'apps.openshift.io/v1',
    {
      spec: {
        ...template.spec,
        strategy: {
          customParams: { image, environment: [{ value: image }] },
          rollingParams: { pre: { execNewPod: { env: [{ value: image }] } } },
        },
        triggers: [
          { type: 'ConfigChange' },
          {
            type: 'ImageChange',
            imageChangeParams: { from: stream, lastTriggeredImage: image, containerNames: ['shop'] },
          },
        ],
      },
      status: { image: `${OLD}/shop/app` },
    },
  ],
  BuildConfig: [
    'build.openshift.io/v1',
    {
      spec: {
        output: { to: docker },
        source: { dockerfile: `FROM ${OLD}/base/a\nRUN x -> FROM ${NEW}/base/a\nRUN x`, images: [{ from: stream }] },
        strategy: {
          dockerStrategy: { from: docker, env: [{ value: image }], buildArgs: [{ value: image }] },
          sourceStrategy: { from: stream },
        },
        triggers: [{ imageChange: { from: stream, lastTriggeredImageID: image } }, { imageChange: {} }],
      },
    },
  ],
  ImageStream: [
    'image.openshift.io/v1',
    {
      spec: {
        dockerImageRepository: image,
        tags: [
          { name: 'a', from: docker },
          { name: 'b', from: stream },
          { name: 'c', from: { kind: 'ImageStreamTag', name: 'x' } },
        ],
      },
    },
  ],
};

describe('planRewrites', () => {
  test.each(Object.entries(KINDS))('rewrites %s, and nothing else', (kind, [apiVersion, body]) => {
    const [before, after] = sides({ apiVersion, kind, metadata, ...body });
    for (const write of [stringify, (value: unknown) => JSON.stringify(value, null, 4)]) {
      const { text, left } = rewrite(write(before));
      expect(parse(text)).toEqual(after);
      expect(left).toEqual([]);
      expect(rewrite(text).text).toBe(text);
    }
  });

  test('edits namespaces inside the JSON of image triggers', () => {
    const annotations = (namespace: string) => ({
      'image.openshift.io/triggers': trigger(namespace),
      other: trigger('shop'),
    });
    const object = (namespace: string) => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { annotations: annotations(namespace) },
    });
    for (const write of [stringify, JSON.stringify]) {
      expect(parse(rewrite(write(object('shop'))).text)).toEqual(object('eshop'));
    }
  });

  test('rewrites objects in lists and Templates', () => {
    const item = { metadata, spec: pod };
    const whole = { apiVersion: 'v1', kind: 'Pod', ...item };
    for (const object of [
      { apiVersion: 'v1', kind: 'List', items: [whole, null, 5] },
      { apiVersion: 'v1', kind: 'PodList', items: [item] },
      { apiVersion: 'template.openshift.io/v1', kind: 'Template', objects: [whole], parameters: [] },
    ]) {
      const [before, after] = sides(object);
      expect(parse(rewrite(stringify(before)).text)).toEqual(after);
    }
  });

  const deployment = (containers: string, more = ''): string =>
    `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  template:\n    spec:\n      containers:\n${containers}${more}`;

  test.each([
    ['a folded scalar', `      - image: >-\n          ${OLD}/shop/app\n`],
    ['a literal scalar with a comment', `      - image: |- # why\n          ${OLD}/shop/app\n`],
    ['flow style', `        [{image: '${OLD}/shop/app', name: "${'x'}"}]\n`],
    ['escapes', `      - image: "${OLD.replace('o', '\\x6f')}\\u002fshop/app"\n`],
    ['Windows line ends', `      - image: ${OLD}/shop/app # a\r\n`],
    ['an anchor without alias', `      - image: &a ${OLD}/shop/app\n`],
    ['a second document', `      - image: ${OLD}/shop/app\n---\n# ${OLD}/shop\nkind: x\n`],
    ['a byte order mark', `      - image: ${OLD}/shop/app\n`],
  ])('keeps all other text: %s', (name, containers) => {
    const text = `${name === 'a byte order mark' ? '\ufeff' : ''}# ${OLD}/shop\n${deployment(containers)}`;
    const { text: changed, left } = rewrite(text);
    expect(left).toEqual([]);
    expect(changed).toBe(text.replace(/(?<!# )(?:old|\\x6fld)\.svc:5000(\\u002f|\/)shop\/app/, `${NEW}/eshop/app`));
    expect(changed).not.toBe(text);
  });

  test.each([
    ['an aliased scalar', `      - image: &a ${OLD}/shop/app\n      - image: *a\n`, [8]],
    ['an aliased container', `      - &c {image: ${OLD}/shop/app}\n      - *c\n`, [8]],
    ['a merged container', `      - <<: &c {image: ${OLD}/shop/app}\n        name: b\n`, [8]],
    ['a duplicate key', `      - image: ${OLD}/shop/app\n        image: ${OLD}/shop/b\n`, [8, 9]],
    ['a tag', `      - image: !x ${OLD}/shop/app\n`, [8]],
    ['another namespace', `      - image: ${OLD}/other/app\n`, [8]],
    ['other fields', `      - name: a\n        workingDir: /x?${OLD}/shop/app\n`, [9]],
    [
      'other documents',
      `---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\ndata: {a: ${OLD}/shop/app}\n`,
      [11, 12],
    ],
    ['what is no object', `---\nimages: [{name: ${OLD}/shop/app}]\n`, [9]],
    [
      'subjects',
      `---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nsubjects:\n- {kind: ServiceAccount, namespace: shop}\n`,
      [12],
    ],
  ])('leaves %s, with the line', (_, containers, lines) => {
    const text = deployment(containers);
    const { text: changed, left } = rewrite(text);
    expect(changed).toBe(text);
    expect(left.map(([line]) => line)).toEqual(lines);
  });

  test.each<[string, object, number]>([
    ['a Namespace', { kind: 'Namespace', metadata: { name: 'shop' } }, 1],
    ['a Project of another name', { kind: 'Project', metadata: { name: 'shop2', labels: { a: 'shop' } } }, 0],
    [
      'a Template',
      { kind: 'Template', metadata: { namespace: 'shop' }, objects: [{ kind: 'X', apiVersion: 'v1' }] },
      1,
    ],
    [
      'a Service by DNS',
      { kind: 'ConfigMap', data: { a: 'http://web.shop.svc:80/', b: 'web.shop2.svc', c: 'x.shop.svc2' } },
      1,
    ],
    [
      'service accounts',
      { kind: 'X', users: ['system:serviceaccount:shop:web', 'system:serviceaccounts:shop', 'system:shop'] },
      2,
    ],
    [
      'other spellings of the registry',
      { kind: 'X', a: ['old:5000/shop', 'old.svc/shop', 'old.svc:443', 'old.svc:50', 'cold'] },
      3,
    ],
    [
      'namespaces by key',
      {
        kind: 'X',
        spec: {
          a: { namespace: 'shop' },
          b: { namespace: 'shop2', name: 'shop' },
          matchLabels: { 'kubernetes.io/metadata.name': 'shop' },
        },
      },
      2,
    ],
  ])('lists %s', (_, object, count) => {
    const { text, left } = rewrite(stringify({ apiVersion: 'v1', ...object }));
    expect(parse(text)).toEqual({ apiVersion: 'v1', ...object });
    expect(left).toHaveLength(count);
  });

  test('lists namespaces behind aliases and merge keys', () => {
    const metadata = [
      '{labels: {app: &a shop}, namespace: *a}',
      '{<<: &m {namespace: shop}, name: b}',
      '{labels: {app: &u shop}}',
    ];
    const texts = metadata.map((one) => `apiVersion: v1\nkind: Pod\nmetadata: ${one}\n`);
    expect(texts.map((text) => [rewrite(text).text, rewrite(text).left.length])).toEqual(
      texts.map((text, i) => [text, i < 2 ? 1 : 0]),
    );
  });

  test('a public host is the same with the port of HTTPS', () => {
    const [from, to] = ['old.example', 'new.example'].map((route) => ({ internal: [], routes: [route], route })) as [
      never,
      never,
    ];
    const rules = {
      rewriter: new ReferenceRewriter(registryReplacements(from, to, ['shop']), from, to),
      renamed: new Map(),
    };
    const plan = planRewrites(
      '{apiVersion: v1, kind: Pod, spec: {containers: [{image: "old.example:443/shop/a"}, {image: "old.example:4430/shop/a"}]}}',
      rules,
    );
    expect(isRefusal(plan) || plan.rewrites.map(({ replacement }) => replacement)).toEqual(['new.example/shop/a']);
  });

  test('ignores what clusters write themselves', () => {
    const record = {
      apiVersion: 'image.openshift.io/v1',
      kind: 'ImageStreamTag',
      image: { dockerImageReference: `${OLD}/shop/app` },
    };
    const object = {
      ...{ apiVersion: 'v1', kind: 'Service', status: { a: `${OLD}/shop/a` } },
      metadata: {
        managedFields: [{ a: `${OLD}/shop/a` }],
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': `${OLD}/shop/a` },
      },
    };
    expect(rewrite([record, object].map((one) => stringify(one)).join('---\n')).left).toEqual([]);
  });

  test('names the line of what is not YAML', () => {
    expect(planRewrites('a: 1\nb: [', { rewriter, renamed })).toMatchObject({ line: 2 });
  });
});
