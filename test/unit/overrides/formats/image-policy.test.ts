import { describe, expect, it } from 'vitest';
import { parseTarget, targetReference } from '../../../../src/naming/naming.ts';
import { asPattern, expressible, policyGroups } from '../../../../src/overrides/formats/image-policy.ts';
import { digestOf } from '../../../support/digest.ts';
import { MAIL, signedImage, signers, WORKFLOW } from '../../../support/policies.ts';

const target = parseTarget('registry.internal:5000/m', 'host-path');
const byWorkflow = signers(WORKFLOW);
const byMail = signers(MAIL);

describe('images of policies', () => {
  it('are grouped by signer, and a repository with one signer belongs to its group as a whole', () => {
    const images = ['quay.io/acme/a:1', 'quay.io/acme/a:2', 'quay.io/acme/b:1'].map((name) =>
      signedImage(name, byWorkflow),
    );
    expect(policyGroups([...images, signedImage('ghcr.io/x/y:1', byMail)], target, [])).toEqual([
      {
        signers: byMail,
        form: 'tag',
        patterns: ['registry.internal:5000/m/ghcr.io/x/y:*', 'registry.internal:5000/m/ghcr.io/x/y@*'],
      },
      {
        signers: byWorkflow,
        form: 'tag',
        patterns: ['a', 'b'].flatMap((name) => [
          `registry.internal:5000/m/quay.io/acme/${name}:*`,
          `registry.internal:5000/m/quay.io/acme/${name}@*`,
        ]),
      },
    ]);
  });

  it('are named one by one in a repository with several signers or forms', () => {
    const one = signedImage('quay.io/acme/a:1', byWorkflow);
    const two = signedImage('quay.io/acme/a:2', byMail);
    const three = signedImage('quay.io/acme/a:3', byWorkflow, { form: 'referrer' });
    expect(policyGroups([one, two, three], target, []).map(({ patterns }) => patterns)).toEqual(
      [one, two, three].map(({ reference: { tag }, digest }) => [
        `registry.internal:5000/m/quay.io/acme/a:${tag}`,
        `registry.internal:5000/m/quay.io/acme/a@${digest}`,
      ]),
    );
  });

  it('are named one by one in a repository where another image needs no signature, or has none', () => {
    const image = signedImage('quay.io/acme/a:1', byMail);
    const other = signedImage('quay.io/acme/a:2', byMail);
    expect(policyGroups([image], target, [other]).map(({ patterns }) => patterns)).toEqual([
      ['registry.internal:5000/m/quay.io/acme/a:1', `registry.internal:5000/m/quay.io/acme/a@${image.digest}`],
    ]);
  });

  it('are left out if the target has no signature of what Pods name, or Go cannot read the expression', () => {
    const source = digestOf(Buffer.from('index')) as `sha256:${string}`;
    const lookahead = signers({ identity: { pattern: '^(?!evil)' }, issuer: MAIL.issuer });
    const all = [
      signedImage('quay.io/a:1', byMail, null),
      signedImage('quay.io/b:1', byMail, { digest: source }),
      signedImage('quay.io/c:1', lookahead),
      signedImage('quay.io/d:1', byMail),
      signedImage('quay.io/e:1', byMail),
    ];
    const { images, left } = expressible(all, ({ reference: { path } }) => (path === 'e' ? 'no' : undefined));
    expect(images.map(({ reference: { path } }) => path)).toEqual(['d']);
    expect(left.map(({ message }) => message.slice(0, 12))).toEqual([
      'quay.io/a:1:',
      'quay.io/b:1:',
      'quay.io/c:1:',
      'quay.io/e:1:',
    ]);
  });

  it('are named one by one in the repository that all images share', () => {
    const image = signedImage('quay.io/acme/a:1', byWorkflow);
    const shared = parseTarget('registry.internal:5000/m', 'single-repository');
    const { tag = '' } = targetReference(shared, image.reference);
    const patterns = [`registry.internal:5000/m:${tag}`, `registry.internal:5000/m@${image.digest}`];
    expect(policyGroups([image], shared, []).map((group) => group.patterns)).toEqual([patterns]);
  });

  it.each([
    ['^https://github\\.com/acme/[a-z]{1,1000}$', true],
    ['^\\p{L}+@acme\\.example$', true],
    ['(?i)^RELEASE@', true],
    ['^a{1,1001}$', false],
    ['^\\p{Letter}+$', false],
    ['^\\p{Script=Greek}+$', false],
    ['^[^]+$', false],
    ['(a)\\1', false],
  ])('the expression %s is for Go: %j', (pattern, isForGo) => {
    const image = signedImage('quay.io/a:1', signers({ identity: { pattern }, issuer: MAIL.issuer }));
    expect(expressible([image], () => undefined).images.length > 0).toBe(isForGo);
  });

  it('an exact text becomes an anchored expression', () => {
    const text = 'https://x.example/a?b=*&c=(d).e[f]{g}|$^\\';
    expect(new RegExp(asPattern({ exact: text })).test(text)).toBe(true);
    expect(new RegExp(asPattern({ exact: text })).test(`${text}x`)).toBe(false);
    expect(asPattern({ pattern: 'a.b' })).toBe('a.b');
  });
});
