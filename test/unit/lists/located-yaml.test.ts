import { expect, it } from 'vitest';
import { ListCollector } from '../../../src/lists/content.ts';
import { type Located, readLocatedYaml } from '../../../src/lists/located-yaml.ts';

function read(text: string): { readonly documents: readonly Located[]; readonly lines: readonly string[] } {
  const collector = new ListCollector('x');
  const documents = readLocatedYaml(text, collector);
  return { documents, lines: collector.problems.map(({ parts }) => parts.subject ?? '') };
}

it('plain scalars keep their text, and have their lines', () => {
  const { documents } = read('a: 1.10\nb:\n  - true\n  - ~\n--- \n- "x"\n');
  const [first, second] = documents;
  expect(first?.kind === 'map' && first.entries.get('a')).toEqual({ kind: 'text', line: 1, text: '1.10' });
  expect(first?.kind === 'map' && first.entries.get('b')).toMatchObject({
    items: [
      { line: 3, text: 'true' },
      { line: 4, text: '' },
    ],
  });
  expect(second).toMatchObject({ kind: 'list', items: [{ line: 6, text: 'x' }] });
});

it.each([
  ['a key that is there twice', 'a: 1\nb: 2\na: 3\n', ['x:3']],
  ['broken YAML', 'a: [\n', expect.arrayContaining([expect.stringMatching(/^x:\d$/)])],
  ['an alias without an anchor', 'a: 1\nb: *c\n', ['x:2']],
  ['an alias within its anchor', 'a: &a\n  b: *a\n', ['x:2']],
  ['deep nesting', `${'['.repeat(70)}${']'.repeat(70)}`, ['x:1']],
])('%s is a problem with its line', (_, text, lines) => {
  expect(read(text).lines).toEqual(lines);
});

it('aliases that expand to very much are refused in time', () => {
  const bomb = Array.from(
    { length: 30 },
    (_, i) => `a${i}: &a${i} ${i === 0 ? '[x]' : `[*a${i - 1}, *a${i - 1}]`}`,
  ).join('\n');
  expect(read(bomb).lines).toHaveLength(1);
});
