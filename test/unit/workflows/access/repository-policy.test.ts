import { describe, expect, test } from 'vitest';
import type { AccessLevel } from '../../../../src/inventory/access.ts';
import { changePolicy } from '../../../../src/workflows/access/repository-policy.ts';
import fc from '../../../support/property.ts';
import { refusal } from '../../../support/refusal.ts';

const arn = (name: string): string => `arn:aws:iam::123456789012:role/${name}`;
const rights = (own: Readonly<Record<string, AccessLevel>>): ReadonlyMap<string, AccessLevel> =>
  new Map(Object.entries(own).map(([name, level]) => [arn(name), level]));

/** What people wrote: an own statement, with conditions and an order of keys of its own. */
const THEIRS = {
  Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-1' } },
  Sid: 'OwnPull',
  Principal: '*',
  Effect: 'Allow',
  Action: ['ecr:BatchGetImage'],
};
const theirs = JSON.stringify({ Version: '2008-10-17', Id: 'own', Statement: THEIRS });

function statementsOf(text: string | undefined): readonly { Sid: string; Action: string[]; Principal: unknown }[] {
  return [JSON.parse(text ?? '{"Statement":[]}').Statement].flat();
}

test('each right is a statement with its actions, and no right has more than its own', () => {
  const change = changePolicy(undefined, rights({ a: 'admin', r: 'read-only', w: 'read-write' }));
  const statements = statementsOf(change?.text);
  expect(statements.map(({ Sid, Principal }) => [Sid, Principal])).toEqual([
    ['AirgapAccessReadOnly', { AWS: [arn('r')] }],
    ['AirgapAccessReadWrite', { AWS: [arn('w')] }],
    ['AirgapAccessAdmin', { AWS: [arn('a')] }],
  ]);
  const [read = [], write = [], admin = []] = statements.map(({ Action }) => Action);
  expect(read).not.toContain('ecr:PutImage');
  expect(write).toEqual(expect.arrayContaining([...read, 'ecr:PutImage']));
  expect(write).not.toContain('ecr:BatchDeleteImage');
  expect(admin).toEqual(expect.arrayContaining([...write, 'ecr:BatchDeleteImage']));
  // An administrator could otherwise give rights to anyone, or remove the repository.
  for (const action of ['ecr:*', 'ecr:SetRepositoryPolicy', 'ecr:DeleteRepositoryPolicy', 'ecr:DeleteRepository'])
    expect(admin).not.toContain(action);
});

describe('an existing policy', () => {
  test('keeps what people wrote, and their version', () => {
    const change = changePolicy(theirs, rights({ r: 'read-only' }));
    const policy = JSON.parse(change?.text ?? '');
    expect([policy.Version, policy.Id, change?.others]).toEqual(['2008-10-17', 'own', 1]);
    expect(JSON.stringify(policy.Statement[0])).toBe(JSON.stringify(THEIRS));
    // Without rights, nothing is touched.
    expect(changePolicy(theirs, rights({}))).toBeUndefined();
    // Without a statement of their own, the policy goes.
    const own = changePolicy(undefined, rights({ r: 'read-only' }))?.text;
    expect(changePolicy(own, rights({}))).toMatchObject({
      text: undefined,
      principals: [{ principal: arn('r'), from: 'read-only' }],
    });
  });

  test('tells who gains, changes and loses a right, and which statement was edited', () => {
    const before = changePolicy(theirs, rights({ a: 'read-only', b: 'read-only', c: 'admin' }))?.text ?? '';
    const change = changePolicy(before, rights({ a: 'read-only', b: 'admin', d: 'read-write' }));
    expect(change?.principals).toEqual([
      { principal: arn('b'), from: 'read-only', to: 'admin' },
      { principal: arn('c'), from: 'admin' },
      { principal: arn('d'), to: 'read-write' },
    ]);
    expect(change?.rewritten).toEqual([]);
    const edited = before.replace('"ecr:PutImageTagMutability"', '"ecr:*"');
    const same = changePolicy(edited, rights({ a: 'read-only', b: 'read-only', c: 'admin' }));
    expect([same?.principals, same?.rewritten]).toEqual([[], ['AirgapAccessAdmin']]);
  });

  test.each(['[]', 'null', '"x"', '{"Statement":[1]}', '{'])('that is no policy is left: %s', (text) => {
    expect(refusal(() => changePolicy(text, rights({ r: 'read-only' }))).code).toBe('unsupported');
  });
});

test('property: what was written is as it should be, in any order and as IAM stores it', () => {
  const level = fc.constantFrom<AccessLevel>('read-only', 'read-write', 'admin');
  const own = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), level);
  fc.assert(
    fc.property(own, own, fc.boolean(), (first, second, hasTheirs) => {
      const start = hasTheirs ? theirs : undefined;
      const once = changePolicy(start, rights(first))?.text ?? start;
      const twice = changePolicy(once, rights(second));
      const text = twice === undefined ? once : twice.text;
      const stored = text && JSON.stringify(JSON.parse(text, unwrapped), undefined, 2);
      expect(changePolicy(stored, rights(second))).toBeUndefined();
      const names = statementsOf(text).length;
      expect(names).toBe(new Set(Object.values(second)).size + (hasTheirs ? 1 : 0));
    }),
  );
});

/** Writes lists backwards, and those with one entry as a text. */
function unwrapped(_: string, value: unknown): unknown {
  if (!Array.isArray(value) || typeof value[0] !== 'string') return value;
  return value.length === 1 ? value[0] : value.toReversed();
}
