import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { readManifest } from '../../../src/helm/go-yaml.ts';
import { changeScalars } from '../../../src/helm/yaml-source.ts';
import fc from '../../support/property.ts';

const FROM = 'docker.io/library/nginx:1.25';
const TO = 'public.ecr.aws/docker/library/nginx:1.25';
const image = [{ keys: ['image'], text: FROM, replacement: TO }];

function refusals(text: string, changes = image): (readonly [number, string])[] {
  const { text: changed, refused } = changeScalars(text, changes);
  expect(changed).toBe(text);
  return refused.map(({ line, reason }) => [line, reason] as const);
}

describe('a change of scalars', () => {
  test.each([
    ['plain', `image: ${FROM}\n`],
    ['double-quoted', `image: "${FROM}"\n`],
    ['single-quoted', `image: '${FROM}'\n`],
    ['with an escape', `image: "docker.io/library/ngin\\x78:1.25"\n`],
    ['with comments', `# a\nimage:   ${FROM}   # the proxy\n# ${FROM}\n`],
    ['with Windows line ends', `a: 1\r\nimage: ${FROM}\r\nb: 2\r\n`],
    ['after a byte order mark', `\ufeffimage: ${FROM}\n`],
    ['without a last line end', `image: ${FROM}`],
    ['in a flow mapping', `{a: 1, image: ${FROM}, b: [1, 2]}\n`],
    ['in JSON', `{"a": 1, "image": "${FROM}"}\n`],
    ['after a document marker', `---\nimage: ${FROM}\n`],
    ['with an anchor that nothing uses', `image: &proxy ${FROM}\n`],
    ['in a literal block of one line', `image: |-\n  ${FROM}\nb: 1\n`],
    ['under a quoted key', `"image": ${FROM}\n`],
    ['on the line after its key', `image:\n  ${FROM}\n`],
  ])('keeps everything else: %s', (_, text) => {
    const { text: changed, refused } = changeScalars(text, image);
    expect(refused).toEqual([]);
    const expected = text.includes('x78')
      ? text.replace('docker.io', 'public.ecr.aws/docker')
      : text.replace(/(?<!# )docker\.io/, 'public.ecr.aws/docker');
    expect(changed).toBe(expected);
  });

  test('changes several parts of one name', () => {
    const text =
      'image:\n  registry: ""   # none\n  repository: nginx # name\n  tag: 1.10\nhost:\nother: {registry: }\n';
    const { text: changed, refused } = changeScalars(text, [
      { keys: ['image', 'registry'], text: '', replacement: 'public.ecr.aws' },
      { keys: ['image', 'repository'], text: 'nginx', replacement: 'docker/library/nginx' },
      { keys: ['host'], text: '', replacement: 'public.ecr.aws' },
    ]);
    expect(refused).toEqual([]);
    expect(changed).toBe(
      'image:\n  registry: "public.ecr.aws"   # none\n  repository: docker/library/nginx # name\n  tag: 1.10\nhost: public.ecr.aws\nother: {registry: }\n',
    );
  });

  test('changes one of several images in a text of several lines', () => {
    const text = `config: |\n  a: ${FROM}\n  b: quay.io/x:1\n`;
    const old = `a: ${FROM}\nb: quay.io/x:1\n`;
    const change = { keys: ['config'], text: old, replacement: old.replace(FROM, TO) };
    expect(changeScalars(text, [change]).text).toBe(text.replace(FROM, TO));
  });

  test.each([
    ['an alias', `a: &x ${FROM}\nimage: *x\n`, 2],
    ['an anchor that is used', `image: &x ${FROM}\nb: *x\n`, 1],
    ['a merge', `base: &x\n  image: ${FROM}\n<<: *x\n`, 1],
    ['a tag', `a: 1\nimage: !!str ${FROM}\n`, 2],
    ['a key that occurs twice', `image: ${FROM}\na: 1\nimage: ${FROM}\n`, 3],
    ['another value', 'a: 1\nimage: nginx\n', 2],
    ['no such key', 'a: 1\n', 1],
    ['a list', 'image:\n  - a\n', 2],
    ['several documents', `image: ${FROM}\n---\na: 1\n`, 3],
    ['invalid YAML', `image: ${FROM}\nb: ]\n`, 2],
    ['a folded text', 'image: >-\n  docker.io/library/nginx:1.25\n  x\n', 1],
  ])('is refused with its line: %s', (_, text, line) => {
    expect(refusals(text).map(([first]) => first)).toEqual([line]);
  });

  test('is refused where only Go reads the file', () => {
    const text = `a: "x"#comment\nimage: ${FROM}\n`;
    expect(readManifest(text).object).toMatchObject({ image: FROM });
    expect(refusals(text)).toEqual([[1, expect.stringContaining("only Helm's own parser")]]);
  });

  test('is refused if the anchor of a parent is used', () => {
    const text = `a: &x\n  image: ${FROM}\nb:\n  <<: *x\n`;
    expect(refusals(text, [{ keys: ['a', 'image'], text: FROM, replacement: TO }])[0]?.[1]).toContain('&x');
  });

  test('is refused for text that would be read as something else', () => {
    expect(refusals('image: a\n', [{ keys: ['image'], text: 'a', replacement: '12' }])).toHaveLength(1);
    expect(refusals('image: a\n', [{ keys: ['image'], text: 'a', replacement: 'b # c' }])).toHaveLength(1);
    expect(refusals('image: a\n', [{ keys: ['image'], text: 'a', replacement: 'b"' }])).toHaveLength(1);
    expect(refusals('image: a\n', [{ keys: ['image'], text: 'a', replacement: 'b\nc: d' }])).toHaveLength(1);
  });

  test('makes the others if one does not read as intended', () => {
    const changes = [
      { keys: ['a'], text: 'x', replacement: 'true' },
      { keys: ['b'], text: 'x', replacement: 'y' },
    ];
    const { text, refused } = changeScalars('a: x\nb: x\n', changes);
    expect([text, refused.map(({ change }) => change.keys)]).toEqual(['a: x\nb: y\n', [['a']]]);
  });

  test('reads as exactly the change, in any style', () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9./:_-]{0,12}$/);
    const name = fc.stringMatching(/^[a-z]{1,4}\.io(?:\/[a-z0-9._-]{1,6}){1,3}[a-z](?::[a-z0-9]{1,3})?$/);
    const style = fc.constantFrom('PLAIN', 'QUOTE_SINGLE', 'QUOTE_DOUBLE');
    const values = fc.dictionary(
      fc.stringMatching(/^[a-z]{1,4}$/),
      fc.oneof(word, fc.nat(), fc.array(word), fc.string()),
      {
        minKeys: 1,
      },
    );
    fc.assert(
      fc.property(values, name, style, fc.boolean(), (rest, replacement, defaultStringType, windows) => {
        const object = { ...rest, deep: { image: FROM } };
        const written = stringify(object, { defaultStringType, lineWidth: 0 });
        const text = windows ? written.replaceAll('\n', '\r\n') : written;
        const change = { keys: ['deep', 'image'], text: FROM, replacement };
        const { text: changed, refused } = changeScalars(text, [change]);
        const before = readManifest(text).object;
        expect(refused).toEqual([]);
        expect(readManifest(changed).object).toEqual({ ...before, deep: { image: replacement } });
        // Only one line differs.
        const lines = changed.split('\n');
        expect(text.split('\n').filter((line, i) => line !== lines[i]).length).toBeLessThanOrEqual(1);
      }),
    );
  });
});
