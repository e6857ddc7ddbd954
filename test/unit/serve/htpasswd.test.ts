import { hashSync } from 'bcryptjs';
import { expect, test } from 'vitest';
import { Logins, parseHtpasswd } from '../../../src/serve/htpasswd.ts';
import { basicOf } from '../../support/basic.ts';

const hash = (password: string): string => hashSync(password, 4).replace('$2b$', '$2y$');
const secret = hash('se:cret');

test('an htpasswd file is read as docker-registry does: the last line of a user counts', () => {
  const text = `# users\n\nann:${hash('old')}\r\nann:${secret}\nbob:${secret}\n`;
  expect([...parseHtpasswd(text, 'users')]).toEqual([
    ['ann', secret],
    ['bob', secret],
  ]);
});

test.each([
  ['', /users/],
  ['# nobody\n', /users/],
  [`ann:${secret}\nbob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=`, /line 2/],
  ['ann:$apr1$x$y', /line 1/],
  ['ann', /line 1/],
  [`:${secret}`, /line 1/],
  [`ann:${secret.replace('$04$', '$15$')}`, /line 1.*14/],
  [`ann:${secret.replace('$04$', '$03$')}`, /line 1/],
])('%j is refused', (text, message) => {
  expect(() => parseHtpasswd(text, 'users')).toThrow(expect.objectContaining({ code: 'usage' }));
  expect(() => parseHtpasswd(text, 'users')).toThrow(message);
});

test('logins', async () => {
  const logins = new Logins(new Map([['ann', secret]]));
  expect(await logins.check(basicOf('ann:se:cret'))).toBe('good');
  expect(await logins.check(basicOf('ann:se:cret'))).toBe('good');
  for (const header of [
    undefined,
    '',
    'Basic',
    'Basic !!!',
    'Bearer abc',
    basicOf('ann'),
    basicOf('ann:other'),
    basicOf('bob:se:cret'),
    basicOf(':se:cret'),
    `Basic ${'A'.repeat(5000)}`,
  ])
    expect(await logins.check(header), header).toBe('bad');
});

test('too many wrong logins at the same time are put off, and known ones are not', async () => {
  const logins = new Logins(new Map([['ann', secret]]));
  await logins.check(basicOf('ann:se:cret'));
  const checks = Array.from({ length: 100 }, (_, index) => logins.check(basicOf(`ann:${index}`)));
  expect(await logins.check(basicOf('ann:se:cret'))).toBe('good');
  const results = await Promise.all(checks);
  expect(results).toContain('busy');
  expect(results).not.toContain('good');
});
