import { expect, test } from 'vitest';
import { applyRules, isFromRule } from '../../../../src/discovery/rules/index.ts';
import { uncoveredOperators } from '../../../../src/discovery/rules/uncovered-operators.ts';
import { formatInventory, type Inventory, parseInventory } from '../../../../src/inventory/inventory.ts';
import { apply, inputOf, operator, references, resource, rule } from '../../../support/discovery/rules.ts';

const TABLE = { tables: { widget: { '>=1.0.0 <2.0.0': '10.1', '>=2.0.0 <=2.3.0': '10.2' } } };
const ruleWithTable = (image: object = {}) => rule({ reference: 'reg.io/org/widget:{table.widget}', ...image }, TABLE);
const WIDGET = { group: 'example.com', kind: 'Widget' };

test("an image is located at the operator's container", () => {
  const redirect = { kind: 'env' as const, name: 'WIDGET_IMAGE' };
  const [located, ...more] = apply(rule({ redirect }), [
    { kind: 'Nothing' },
    operator('quay.io/org/widget-operator:v1.2'),
  ]);
  expect(more).toEqual([]);
  expect(located).toEqual({
    chart: 'app',
    profile: 'default',
    template: 'app/templates/t1.yaml',
    document: 0,
    kind: 'Deployment',
    name: 'operator',
    path: 'spec.template.spec.containers[0].image',
    within: 'rule widget-operator: widget',
    how: 'operator-rule',
    written: 'reg.io/org/widget:v1.2',
    redirect,
    reference: 'reg.io/org/widget:v1.2',
    confidence: 'likely',
    need: 'operand',
  });
});

test('images are attributed to the right rule', () => {
  const [located] = apply(rule({}), [operator('org/widget-operator:v1.2')]);
  if (located === undefined) throw new Error('the rule found nothing');
  expect(isFromRule(located, rule({}))).toBe(true);
  expect(isFromRule(located, rule({}, { operator: 'widget' }))).toBe(false);
  expect(isFromRule({ ...located, how: 'env' }, rule({}))).toBe(false);
});

test('the operator is recognized at any registry and mirror, and no other image is', () => {
  const applies = (image: string) => references(rule({}), [operator(image)]).length > 0;
  expect(applies('org/widget-operator:1.0')).toBe(true);
  expect(applies('mirror.example:5000/quay/org/widget-operator:1.0')).toBe(true);
  expect(applies('quay.io/some-org/widget-operator:1.0')).toBe(false);
  expect(applies('quay.io/org/widget-operator-webhook:1.0')).toBe(false);
});

test('jobs and init containers that use the image of an operator are not the operator', () => {
  const pod = {
    spec: { template: { spec: { initContainers: [{ image: 'org/widget-operator:1.0' }], containers: [] } } },
  };
  const job = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'j' }, ...pod };
  expect(references(rule({}), [job, { ...job, apiVersion: 'apps/v1', kind: 'Deployment' }])).toEqual([]);
});

test('two containers of one operator choose an image once', () => {
  const second = { ...operator('org/widget-operator:1.0'), kind: 'DaemonSet' };
  expect(apply(rule({}), [operator('org/widget-operator:1.0'), second])).toHaveLength(1);
});

test('a template uses the first alternative that the render contains', () => {
  const container = { env: [{ name: 'BASE', value: 'my.reg/w' }], args: ['--a=my.reg/a', '--b', 'my.reg/b'] };
  const applied = (reference: string, options = {}) =>
    references(rule({ reference }), [operator('quay.io/org/widget-operator:v1.2.0-alpine', container)], options);
  expect(applied('{env.BASE}:{version}')).toEqual(['my.reg/w:1.2.0']);
  expect(applied('{arg.--a}:1')).toEqual(['my.reg/a:1']);
  expect(applied("{env.NONE|arg.--b|'x.io/x'}:1")).toEqual(['my.reg/b:1']);
  expect(applied("{env.NONE|'x.io/x'}/{env.NONE|''}/y:1")).toEqual(['x.io/x/y:1']);
  expect(applied('{folder}/widget:{tag}')).toEqual(['quay.io/org/widget:v1.2.0-alpine']);
  expect(applied('x.io/w:{appVersion}', { appVersion: '7.0' })).toEqual(['x.io/w:7.0']);
  expect(applied('x.io/w:{appVersion}', { appVersion: '7.0', folder: 'app/charts/sub' })).toEqual([]);
  expect(applied('{env.NONE}:1')).toEqual([]);
  expect(applied('{tag}:not:a:reference')).toEqual([]);
});

test('a table has the image for each version of an operator', () => {
  const applied = (image: string, labels = {}) =>
    apply(ruleWithTable(), [operator(image, {}, labels)]).map(({ reference, confidence }) => [reference, confidence]);
  expect(applied('org/widget-operator:v1.9.3')).toEqual([['reg.io/org/widget:10.1', 'likely']]);
  expect(applied('org/widget-operator:2.0.0-distroless')).toEqual([['reg.io/org/widget:10.2', 'likely']]);
  expect(applied('org/widget-operator:0.9.0')).toEqual([]);
  expect(applied('org/widget-operator:main', { 'app.kubernetes.io/version': '1.4.0' })).toEqual([
    ['reg.io/org/widget:10.1', 'likely'],
  ]);
});

test('a version newer than the table, or unknown, makes the newest entry a guess', () => {
  for (const image of ['org/widget-operator:2.4.0', 'org/widget-operator:main']) {
    const [located] = apply(ruleWithTable(), [operator(image)]);
    expect(located).toMatchObject({ reference: 'reg.io/org/widget:10.2', confidence: 'possible' });
  }
});

test('appVersion replaces a missing version in the tag, in the chart itself but not in subcharts', () => {
  const manifests = [operator('org/widget-operator:main')];
  expect(apply(ruleWithTable(), manifests, { appVersion: 'v1.1.0' })[0]).toMatchObject({ confidence: 'likely' });
  const subchart = { appVersion: 'v1.1.0', folder: 'app/charts/sub' };
  expect(apply(ruleWithTable(), manifests, subchart)[0]).toMatchObject({ confidence: 'possible' });
});

test('an image has its own range of versions', () => {
  const rules = rule({ versions: '>=1.5.0 <2.0.0' });
  expect(references(rules, [operator('org/widget-operator:v1.5.0')])).toHaveLength(1);
  expect(references(rules, [operator('org/widget-operator:v1.4.9')])).toEqual([]);
  expect(references(rules, [operator('org/widget-operator:v2.0.0')])).toEqual([]);
});

test.each([
  ['env', { env: [{ name: 'WIDGET', value: 'x' }] }],
  ['env', { env: [{ name: 'WIDGET', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } }] }],
  ['argument', { args: ['--verbose', '--widget', 'x'] }],
  ['argument', { command: ['/manager', '--widget=x'] }],
])('nothing is added when the container names the image by %s', (condition, container) => {
  const rules = rule({ unless: [{ [condition]: condition === 'env' ? 'WIDGET' : '--widget' }] });
  expect(references(rules, [operator('org/widget-operator:1.0', container)])).toEqual([]);
  const other = { env: [{ name: 'WIDGET', value: '' }], args: ['--widgets=x'] };
  expect(references(rules, [operator('org/widget-operator:1.0', other)])).toHaveLength(1);
});

test('nothing is added when a ConfigMap names the image', () => {
  const rules = rule({ unless: [{ config: 'WIDGET_IMAGE' }] });
  const map = (data: object) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data });
  expect(references(rules, [operator('org/widget-operator:1.0'), map({ WIDGET_IMAGE: 'x' })])).toEqual([]);
  expect(references(rules, [operator('org/widget-operator:1.0'), map({ about: 'WIDGET_IMAGE' })])).toHaveLength(1);
});

test('a resource of the render requires its own image, with or without the operator in the same chart', () => {
  const rules = rule({
    reference: 'reg.io/org/widget:{field.spec.version}',
    for: WIDGET,
    unless: [{ field: 'spec.image' }],
  });
  const manifests = [
    resource('example.com/v1', 'Widget', { version: '3.1' }, 'a'),
    resource('example.com/v1', 'Widget', { version: '3.2', image: 'own/w:1' }, 'b'),
    resource('other.example.com/v1', 'Widget', { version: '3.3' }, 'c'),
    resource('example.com/v1', 'Widget', { version: 4.5 }, 'd'),
  ];
  const found = apply(rules, manifests);
  expect(found.map(({ reference, name, path, need }) => [reference, name, path, need])).toEqual([
    ['reg.io/org/widget:3.1', 'a', 'spec', 'install'],
    ['reg.io/org/widget:4.5', 'd', 'spec', 'install'],
  ]);
  expect(references(rules, [operator('org/widget-operator:1.0')])).toEqual([]);
});

test('the default of the operator is needed for resources of users, whatever resources the chart contains', () => {
  const rules = rule(
    {},
    {
      images: [
        { name: 'a', reference: 'reg.io/a:{field.spec.v|tag}', for: WIDGET, redirect: { kind: 'none' } },
        { name: 'b', reference: 'reg.io/b:{tag}', for: { ...WIDGET, kind: 'Gadget' }, redirect: { kind: 'none' } },
      ],
    },
  );
  const applied = (...more: object[]) =>
    apply(rules, [operator('org/widget-operator:1.0'), ...more]).map(
      (located) => `${located.reference} ${located.confidence} ${located.need}${located.userMade ? ' for users' : ''}`,
    );
  expect(applied()).toEqual(['reg.io/a:1.0 likely operand for users', 'reg.io/b:1.0 likely operand for users']);
  // The install does not need them then, but they are included.
  expect(applied(resource('example.com/v1', 'Widget', { v: '8' }))).toEqual([
    'reg.io/a:8 likely install',
    'reg.io/a:1.0 possible operand for users',
    'reg.io/b:1.0 possible operand for users',
  ]);
  // A resource that the chart leaves at the default already needs the image.
  expect(applied(resource('example.com/v1', 'Widget', {}))).toEqual([
    'reg.io/a:1.0 likely install',
    'reg.io/b:1.0 possible operand for users',
  ]);
});

test('a resource that exists once per cluster needs no default if the chart contains it', () => {
  const rules = rule({ reference: 'reg.io/a:{field.spec.v|tag}', for: { ...WIDGET, single: true } });
  const applied = (...more: object[]) => apply(rules, [operator('org/widget-operator:1.0'), ...more]);
  expect(applied().map(({ userMade }) => userMade)).toEqual([true]);
  const withResource = applied(resource('example.com/v1', 'Widget', { v: '8' }));
  expect(withResource.map(({ reference, userMade }) => [reference, userMade])).toEqual([['reg.io/a:8', undefined]]);
});

test('a guess, or an image that depends on the cluster, is not a known default', () => {
  const table = { t: { '>=1.0.0 <2.0.0': '1' } };
  const guess = rule({ reference: 'reg.io/a:{table.t}', for: WIDGET }, { tables: table });
  const possible = rule({ reference: 'reg.io/a:{tag}', for: WIDGET, confidence: 'possible' });
  for (const [rules, tag] of [
    [guess, '3.0.0'],
    [possible, '1.0'],
  ] as const) {
    const found = apply(rules, [operator(`org/widget-operator:${tag}`)]);
    expect(found.map(({ confidence, userMade }) => [confidence, userMade])).toEqual([['possible', undefined]]);
  }
});

test('an operator newer or older than the rows of a table is reported with the nearest row', () => {
  const tables = { t: { '>=1.0.0 <2.0.0': '1', '>=2.0.0 <=2.1.3': '2' }, other: { '>=1.0.0 <2.0.0': '1' } };
  const rules = rule({ reference: 'reg.io/a:{table.t}', unless: [{ argument: '--image' }] }, { tables });
  const uncovered = (tag: string, container: object = {}) => {
    const input = inputOf([operator(`org/widget-operator:${tag}`, container)]);
    return uncoveredOperators(rules, { ...input, references: [...input.references, ...applyRules(rules, input)] });
  };
  const known = { operator: rules[0]?.operator };
  expect(uncovered('2.1.3')).toEqual([]);
  expect(uncovered('0.1.0')).toEqual([{ ...known, side: 'older', release: '0.1.0', rows: ['>=1.0.0 <2.0.0'] }]);
  expect(uncovered('2.1.4')).toEqual([{ ...known, side: 'newer', release: '2.1.4', rows: ['>=2.0.0 <=2.1.3'] }]);
  // Nothing is missed where the chart names the image.
  for (const tag of ['2.1.4', '0.1.0']) expect(uncovered(tag, { args: ['--image=reg.io/a:3'] })).toEqual([]);
});

test('a resource counts only when it has the field that makes the image needed', () => {
  const rules = rule({ reference: 'reg.io/side:1', for: { ...WIDGET, has: 'spec.side.enabled' } });
  expect(references(rules, [resource('example.com/v1', 'Widget', { side: { enabled: true } })])).toHaveLength(1);
  expect(references(rules, [resource('example.com/v1', 'Widget', { side: { enabled: false } })])).toEqual([]);
});

test('versions are those of the resource if the rule has their path', () => {
  const image = { reference: 'reg.io/w:{field.spec.v}', for: { ...WIDGET, version: 'spec.v' }, versions: '>=9.0.0' };
  expect(references(rule(image), [resource('example.com/v1', 'Widget', { v: '9.1' })])).toHaveLength(1);
  expect(references(rule(image), [resource('example.com/v1', 'Widget', { v: '8.9' })])).toEqual([]);
});

test('values that redirect are those of the chart that was rendered, and only for the chart that takes them', () => {
  const values = { sub: { image: { repository: '{repository}' } } };
  const rules = rule({ redirect: { kind: 'argument', name: '--widget', values } });
  const applied = (folder: string) => apply(rules, [operator('org/widget-operator:1.0')], { folder })[0]?.redirect;
  expect(applied('sub')).toEqual({ kind: 'argument', name: '--widget', values: values.sub });
  expect(applied('app/charts/mid/charts/sub')).toEqual({ kind: 'argument', name: '--widget', values: { mid: values } });
  expect(applied('app')).toEqual({ kind: 'argument', name: '--widget' });
});

test('the location of a rule survives the lock file', () => {
  const redirect = {
    kind: 'argument',
    name: '--widget',
    value: '{repository}',
    values: { app: { image: { tag: '{tag}' } } },
  };
  const [located] = apply(rule({ redirect }), [operator('org/widget-operator:1.0')]);
  const { reference, confidence, need, ...found } = located as NonNullable<typeof located>;
  const digest = `sha256:${'a'.repeat(64)}` as const;
  const lock: Inventory = {
    apiVersion: 'airgap/v1',
    kind: 'Lock',
    schemaVersion: 1,
    platforms: [],
    charts: [],
    images: [
      {
        reference,
        digest,
        mediaType: 'm',
        platforms: [],
        bytes: 1,
        confidence,
        need,
        found: [JSON.parse(JSON.stringify(found))],
      },
    ],
  };
  expect(parseInventory(formatInventory(lock)).images[0]?.found).toEqual([found]);
});
