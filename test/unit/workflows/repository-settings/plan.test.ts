import { expect, test } from 'vitest';
import type { TagMutability } from '../../../../src/ecr/settings.ts';
import {
  type CommonSettings,
  ECR,
  ECR_PUBLIC,
  MIRANTIS,
  OTHER,
  type RegistryKind,
} from '../../../../src/workflows/repository-settings/common-settings.ts';
import { type PlanOptions, planRepository } from '../../../../src/workflows/repository-settings/plan.ts';
import fc from '../../../support/property.ts';

const immutable = (...except: string[]): TagMutability => ({ immutable: true, except });
const mutable = (...except: string[]): TagMutability => ({ immutable: false, except });
const options = (kind: RegistryKind, more: Partial<PlanOptions> = {}): PlanOptions => ({
  kind,
  creates: true,
  changesExisting: true,
  allowsPublic: false,
  given: new Set(),
  ...more,
});

interface Case {
  readonly title: string;
  readonly kind: RegistryKind;
  readonly source: CommonSettings | readonly CommonSettings[];
  readonly target?: CommonSettings;
  readonly more?: Partial<PlanOptions>;
  /** What is written when, and `SETTING REASON` of what is not. */
  readonly plan: { created?: object; before?: object; after?: object; left?: string[] };
}

const PUBLIC = { visibility: 'public' } as const;
const PRIVATE = { visibility: 'private' } as const;

const cases: readonly Case[] = [
  {
    title: 'a new repository is created with all that both have',
    kind: MIRANTIS,
    source: { ...PRIVATE, tags: immutable(), description: 'The API', about: '# API', usage: 'docker pull' },
    plan: {
      created: { ...PRIVATE, tags: immutable(), description: 'The API', about: '# API' },
      left: ['usage unsupported'],
    },
  },
  {
    title: 'what is public at the source is private in a new repository',
    kind: MIRANTIS,
    source: PUBLIC,
    plan: { created: PRIVATE, left: ['visibility widens'] },
  },
  {
    title: 'and public where that is allowed',
    kind: MIRANTIS,
    source: PUBLIC,
    more: { allowsPublic: true },
    plan: { created: PUBLIC },
  },
  {
    title: 'without knowing the source, a new repository is private',
    kind: MIRANTIS,
    source: { tags: mutable() },
    plan: { created: PRIVATE },
  },
  {
    title: 'an existing repository becomes private before content is written, immutable after it',
    kind: MIRANTIS,
    source: { ...PRIVATE, tags: immutable(), description: 'New' },
    target: { ...PUBLIC, tags: mutable(), description: 'Old' },
    plan: { before: { ...PRIVATE, description: 'New' }, after: { tags: immutable() } },
  },
  {
    title: 'an existing repository becomes public last, and only where that is allowed',
    kind: MIRANTIS,
    source: PUBLIC,
    target: PRIVATE,
    more: { allowsPublic: true },
    plan: { after: PUBLIC },
  },
  {
    title: 'an existing private repository stays private',
    kind: MIRANTIS,
    source: PUBLIC,
    target: PRIVATE,
    plan: { left: ['visibility widens'] },
  },
  {
    title: 'equal settings are not written, and empty ones replace nothing',
    kind: MIRANTIS,
    source: { ...PRIVATE, tags: immutable(), description: '' },
    target: { ...PRIVATE, tags: immutable(), description: 'Own' },
    plan: {},
  },
  {
    title: 'immutable tags stay immutable',
    kind: ECR,
    source: { tags: mutable() },
    target: { tags: immutable('dev-*') },
    plan: { left: ['tags loosens'] },
  },
  {
    title: 'exceptions become fewer, never more',
    kind: ECR,
    source: { tags: immutable('dev-*') },
    target: { tags: immutable('dev-*', 'latest') },
    plan: { after: { tags: immutable('dev-*') } },
  },
  {
    title: 'other exceptions are not carried',
    kind: ECR,
    source: { tags: immutable('dev-*') },
    target: { tags: immutable('latest') },
    plan: { left: ['tags loosens'] },
  },
  {
    title: 'single immutable patterns are carried to a mutable repository',
    kind: ECR,
    source: { tags: mutable('v*') },
    target: { tags: mutable() },
    plan: { after: { tags: mutable('v*') } },
  },
  {
    title: 'exceptions are not carried to a registry without them',
    kind: MIRANTIS,
    source: { ...PRIVATE, tags: immutable('dev-*') },
    target: PRIVATE,
    plan: { left: ['tags exceptions'] },
  },
  {
    title: 'existing repositories in ECR need --reconcile',
    kind: ECR,
    source: { tags: immutable() },
    target: { tags: mutable() },
    more: { changesExisting: false },
    plan: { left: ['tags exists'] },
  },
  {
    title: 'flags take precedence',
    kind: ECR,
    source: { tags: immutable() },
    more: { given: new Set(['tags'] as const) },
    plan: {},
  },
  {
    title: 'nothing is created without permission',
    kind: MIRANTIS,
    source: { ...PRIVATE, tags: immutable() },
    more: { creates: false },
    plan: { left: ['tags not-created'] },
  },
  {
    title: 'texts have limits',
    kind: ECR_PUBLIC,
    source: { description: 'x'.repeat(1025), about: 'x'.repeat(1025), tags: immutable() },
    plan: { created: { about: 'x'.repeat(1025) }, left: ['tags unsupported', 'description too-long'] },
  },
  {
    title: 'lists have no order',
    kind: ECR_PUBLIC,
    source: { architectures: ['x86-64', 'ARM 64'] },
    target: { architectures: ['ARM 64', 'x86-64'] },
    plan: {},
  },
  {
    title: 'repositories that become one carry what they agree on; private wins',
    kind: MIRANTIS,
    source: [
      { ...PUBLIC, tags: immutable(), description: 'One', about: 'Same' },
      { ...PRIVATE, tags: mutable(), description: 'Other', about: 'Same' },
    ],
    target: PUBLIC,
    more: { allowsPublic: true },
    plan: { before: { ...PRIVATE, about: 'Same' }, left: ['tags sources-differ', 'description sources-differ'] },
  },
  {
    title: 'a registry without settings takes none',
    kind: OTHER,
    source: { ...PUBLIC, tags: immutable(), description: 'Text' },
    plan: { left: ['visibility unsupported', 'tags unsupported', 'description unsupported'] },
  },
];

test.each(cases)('$title', ({ kind, source, target, more, plan }) => {
  const sources = Array.isArray(source) ? source : [source];
  const { created, before, after, left } = planRepository(sources, target, options(kind, more));
  expect({ created, before, after, left: left.map(({ setting, reason }) => `${setting} ${reason}`) }).toEqual({
    created: {},
    before: {},
    after: {},
    left: [],
    ...plan,
  });
});

const mutability = fc.record({ immutable: fc.boolean(), except: fc.uniqueArray(fc.constantFrom('a', 'b', 'c')) });
const settings = fc.record(
  { visibility: fc.constantFrom('public', 'private'), tags: mutability, description: fc.constantFrom('', 'x', 'y') },
  { requiredKeys: [] },
) as fc.Arbitrary<CommonSettings>;

/** Whether a tag can be overwritten; `z` is in no pattern. */
const isProtected = ({ immutable: all, except }: TagMutability, tag: string): boolean => all !== except.includes(tag);

test('nothing becomes public or mutable, and a second run has nothing to write', () => {
  const given = fc.tuple(
    fc.array(settings, { minLength: 1, maxLength: 3 }),
    fc.option(settings, { nil: undefined }),
    fc.constantFrom(MIRANTIS, ECR, ECR_PUBLIC, OTHER),
    fc.boolean(),
  );
  fc.assert(
    fc.property(given, ([sources, target, kind, allowsPublic]) => {
      const plan = planRepository(sources, target, options(kind, { allowsPublic }));
      const written = { ...plan.created, ...plan.before, ...plan.after };
      if (written.visibility === 'public')
        expect([allowsPublic, sources.every(({ visibility }) => visibility === 'public')]).toEqual([true, true]);
      const { tags } = written;
      if (tags !== undefined && target?.tags !== undefined) {
        for (const tag of ['a', 'b', 'c', 'z'])
          if (isProtected(target.tags, tag)) expect(isProtected(tags, tag)).toBe(true);
      }
      for (const name of Object.keys(written)) expect(kind.settings).toContain(name);
      const again = planRepository(sources, { ...target, ...written }, options(kind, { allowsPublic }));
      expect([again.created, again.before, again.after]).toEqual([{}, {}, {}]);
    }),
  );
});
