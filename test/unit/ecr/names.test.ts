import { describe, expect, it } from 'vitest';
import { isEcrRepositoryName, toEcrName } from '../../../src/ecr/names.ts';
import fc from '../../support/property.ts';

/** Names in Docker's grammar, with parts that ECR does not allow and parts that the encoding generates. */
const word = fc.oneof(
  fc.stringMatching(/^[a-z0-9]{1,4}$/),
  fc.constantFrom('run2', 'rrun2', 'run3', 'rrrun12', 'run', 'r'),
);
const between = fc.constantFrom('-', '--', '---', '_', '__', '.');
const component = fc
  .tuple(word, fc.array(fc.tuple(between, word), { maxLength: 4 }))
  .map(([first, rest]) => first + rest.flat().join(''));
const name = fc.array(component, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));

/** Decodes a name as described in docs/naming.md. A decoded run counts as the separator of the next token. */
function readBack(mapped: string): string {
  const tokens: string[] = mapped.match(/[a-z0-9]+|\/|[._-]+/g) ?? [];
  for (let index = 1; index < tokens.length - 1; index++) {
    const [, extra, count] = /^(r*)run(\d+)$/.exec(tokens[index] ?? '') ?? [];
    const [before, after] = [tokens[index - 1]?.[0], tokens[index + 1]?.[0]];
    if (count === undefined || before !== after || (before !== '_' && before !== '-')) continue;
    if (extra === '') tokens.splice(--index, 3, before.repeat(Number(count)));
    else tokens[index] = (tokens[index] ?? '').slice(1);
  }
  return tokens.join('');
}

describe('a name that ECR does not allow', () => {
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
    expect(readBack(to)).toBe(from);
  });

  it('becomes one that ECR allows and that can be decoded', () => {
    fc.assert(
      fc.property(name, (text) => {
        const mapped = toEcrName(text);
        expect(readBack(mapped)).toBe(text);
        expect(isEcrRepositoryName(`x/${mapped}`)).toBe(true);
      }),
    );
  });
});
