import { expect, test } from 'vitest';
import { givenOf, givenText, profileEntry, profileText } from '../../../src/lock/given.ts';

test('keeps the names of values files and of what is set, and nothing of folders, values and tokens', () => {
  const given = givenOf({
    values: ['/srv/config/site.yaml', 'C:\\work\\prod.yaml', 'https://user:pw@host.example/a/b.yaml?token=t#x'],
    set: ['a.b=secret,list={x,y=z},d[0].e=f\\,g=h', 'plain'],
    setString: ['n=secret'],
    setJson: ['o={"k":"secret","l":1}', '{"root":"secret"}'],
    setFile: ['cert=/srv/config/key.pem'],
    setLiteral: ['pw=a,b=c'],
  });
  expect(given).toEqual({
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
  expect(JSON.stringify(given)).not.toMatch(/secret|srv|pw@|token/);
});

test('is empty for the values of the chart', () => expect(givenOf({ values: [], set: [] })).toEqual({}));

test('is one line, whatever a bundle says', () => {
  const given = { files: ['a\u001b[2J\nb.yaml'], set: ['--set x'] };
  expect(givenText(given)).toBe('-f a\\x1b[2J\\nb.yaml --set x');
  expect(profileText({ name: 'p\n', given: {} })).toBe('profile p\\n: the values of the chart');
  expect(profileEntry({ name: 'profile a', given: {} })).toBe('profile a: the values of the chart');
});
