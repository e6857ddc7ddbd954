import { describe, expect, test } from 'vitest';
import { ReferenceRewriter } from '../../../src/openshift/reference-rewriter.ts';
import {
  formatReplacement,
  parseRenamedNamespaces,
  registryReplacements,
} from '../../../src/openshift/registry-replacement.ts';

const source = {
  internal: ['docker-registry.default.svc:5000', '172.30.1.1:5000'],
  route: 'old.example',
  routes: ['old.example', 'also-old.example'],
};
const destination = {
  internal: ['new.svc:5000', 'docker-registry.default.svc:5000'],
  route: 'new.example',
  routes: ['new.example'],
};

describe('registryReplacements', () => {
  test('replaces every address of the source, longer prefixes first', () => {
    const renamed = parseRenamedNamespaces(['shop=shop-new']);
    expect(registryReplacements(source, destination, ['shop', 'shop2'], renamed).map(formatReplacement)).toEqual([
      '172.30.1.1:5000/shop2=new.svc:5000/shop2',
      '172.30.1.1:5000/shop=new.svc:5000/shop-new',
      'also-old.example/shop2=new.example/shop2',
      'also-old.example/shop=new.example/shop-new',
      'docker-registry.default.svc:5000/shop2=new.svc:5000/shop2',
      'docker-registry.default.svc:5000/shop=new.svc:5000/shop-new',
      'old.example/shop2=new.example/shop2',
      'old.example/shop=new.example/shop-new',
    ]);
  });

  test('uses the internal address of a destination without a public host, and leaves out what stays', () => {
    const inside = { internal: ['docker-registry.default.svc:5000'], routes: [] };
    const pairs = registryReplacements({ ...source, routes: ['old.example'] }, inside, ['shop', 'shop']);
    expect(pairs.map(formatReplacement)).toEqual([
      '172.30.1.1:5000/shop=docker-registry.default.svc:5000/shop',
      'old.example/shop=docker-registry.default.svc:5000/shop',
    ]);
  });
});

test.each([['a'], ['a='], ['=b'], ['a=b=c'], ['A=b'], ['a=b/c'], ['a=b', 'a=c'], ['a=b', 'b=c'], ['a=b', 'b=a']])(
  '--namespace %s is refused',
  (...texts) => {
    expect(() => parseRenamedNamespaces(texts)).toThrow(expect.objectContaining({ code: 'usage' }));
  },
);

describe('ReferenceRewriter', () => {
  const pairs = registryReplacements(source, destination, ['shop'], new Map([['shop', 'eshop']]));
  const rewriter = new ReferenceRewriter(pairs, source, destination);
  const apply = (text: string): string =>
    rewriter
      .words(text)
      .reduceRight((done, { start, end, text: to }) => done.slice(0, start) + to + done.slice(end), text);

  test.each([
    ['old.example/shop/app:1', 'new.example/eshop/app:1'],
    ['OLD.example/shop/app@sha256:1', 'new.example/eshop/app@sha256:1'],
    ['docker-registry.default.svc:5000/shop', 'new.svc:5000/eshop'],
    [
      '--image=old.example/shop/a,docker://172.30.1.1:5000/shop/b',
      '--image=new.example/eshop/a,docker://new.svc:5000/eshop/b',
    ],
    [
      'FROM old.example/shop/a AS b\nCOPY --from=old.example/shop/c:2 / /',
      'FROM new.example/eshop/a AS b\nCOPY --from=new.example/eshop/c:2 / /',
    ],
    ['{"image":"old.example/shop/app"}', '{"image":"new.example/eshop/app"}'],
  ])('rewrites whole words: %s', (text, expected) => {
    expect(apply(text)).toBe(expected);
    expect(apply(expected)).toBe(expected);
    expect(rewriter.mentionsSource(expected)).toBe(false);
  });

  test.each([
    ['old.example/shop2/app', true],
    ['old.example/shopping', true],
    ['old.example/shop:1', true],
    ['https://old.example/v2/shop/app', true],
    ['/old.example/shop/app', true],
    ['x:old.example/shop/app', true],
    ['old.example', true],
    ['see old.example.', true],
    ['old.example: none', true],
    ['not-old.example/shop/app', false],
    ['not.old.example/shop/app', false],
    ['old.example.com/shop/app', false],
    ['old.example:5000/shop/app', false],
    ['docker-registry.default.svc:50000/shop', false],
    ['new.example/shop/app', false],
  ])('leaves %s, which names the source: %s', (text, isSource) => {
    expect(apply(text)).toBe(text);
    expect(rewriter.mentionsSource(text)).toBe(isSource);
  });

  test('of an address that both clusters have, only renamed namespaces are those of the source', () => {
    const same = { internal: ['r.svc:5000'], routes: [] };
    const one = new ReferenceRewriter(
      registryReplacements(same, same, ['a', 'b'], new Map([['a', 'a-new']])),
      same,
      same,
    );
    expect(['r.svc:5000/a/x', 'r.svc:5000/a-new/x', 'r.svc:5000/b/x'].map((text) => one.mentionsSource(text))).toEqual([
      true,
      false,
      false,
    ]);
  });
});
