import { describe, expect, it } from 'vitest';
import { fromEcrName, isEcrRepositoryName, toEcrName } from '../../../src/ecr/names.ts';
import fc from '../../support/property.ts';

/** Names that Docker's grammar admits, with what ECR does not and with what the mapping itself writes. */
const word = fc.oneof(
  fc.stringMatching(/^[a-z0-9]{1,4}$/),
  fc.constantFrom('run2', 'rrun2', 'run3', 'rrrun12', 'run', 'r'),
);
const between = fc.constantFrom('-', '--', '---', '_', '__', '.');
const component = fc
  .tuple(word, fc.array(fc.tuple(between, word), { maxLength: 4 }))
  .map(([first, rest]) => first + rest.flat().join(''));
const name = fc.array(component, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));

describe('a name that ECR does not take', () => {
  it.each([
    ['my__app', 'my_run2_app'],
    ['quay.io/a/b---c.d', 'quay.io/a/b-run3-c.d'],
    ['my_run2_app', 'my_rrun2_app'],
    ['my-rrun2-app', 'my-rrrun2-app'],
    ['a--run2-b', 'a-run2-rrun2-b'],
    ['run2/run2-a/my_run2-app', 'run2/run2-a/my_run2-app'],
    ['registry.k8s.io/ingress-nginx/controller', 'registry.k8s.io/ingress-nginx/controller'],
  ])('%s becomes %s', (from, to) => {
    expect(toEcrName(from)).toBe(to);
    expect(fromEcrName(to)).toBe(from);
  });

  it('becomes one that ECR takes, which says what it was', () => {
    fc.assert(
      fc.property(name, (text) => {
        const mapped = toEcrName(text);
        expect(fromEcrName(mapped)).toBe(text);
        expect(isEcrRepositoryName(`x/${mapped}`)).toBe(true);
      }),
    );
  });
});
