import { expect, test } from 'vitest';
import { profileEntry, profileText, valuesOriginOf, valuesOriginText } from '../../../src/inventory/values-origin.ts';

test('keeps names of values files and keys set by flags, without folders, values or tokens', () => {
  const origin = valuesOriginOf({
    values: ['/srv/config/site.yaml', 'C:\\work\\prod.yaml', 'https://user:pw@host.example/a/b.yaml?token=t#x'],
    set: ['a.b=secret,list={x,y=z},d[0].e=f\\,g=h', 'plain'],
    setString: ['n=secret'],
    setJson: ['o={"k":"secret","l":1}', '{"root":"secret"}'],
    setFile: ['cert=/srv/config/key.pem'],
    setLiteral: ['pw=a,b=c'],
  });
  expect(origin).toEqual({
    files: ['site.yaml', 'prod.yaml', 'b.yaml'],
    set: [
      '--set a.b',
      '--set list',
      '--set d[0].e',
      '--set-string n',
      '--set-json o',
      '--set-file cert',
      '--set-literal pw',
    ],
  });
  expect(JSON.stringify(origin)).not.toMatch(/secret|srv|pw@|token/);
});

test('is empty for the chart defaults', () => expect(valuesOriginOf({ values: [], set: [] })).toEqual({}));

test('is printed on one line, whatever the bundle contains', () => {
  const origin = { files: ['a\u001b[2J\nb.yaml'], set: ['--set x'] };
  expect(valuesOriginText(origin)).toBe('-f a\\x1b[2J\\nb.yaml --set x');
  expect(profileText({ name: 'p\n', given: origin })).toBe('profile p\\n: -f a\\x1b[2J\\nb.yaml --set x');
  expect(profileEntry({ name: 'profile a', given: {} })).toMatch(/^profile a: ./);
  expect(profileEntry({ name: 'a' })).toBe('a');
});
