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
  expect(await logins.check(basicOf('ann:se:cret'), 'a')).toBe('good');
  expect(await logins.check(basicOf('ann:se:cret'), 'a')).toBe('good');
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
    expect(await logins.check(header, 'a'), header).toBe('bad');
});

test('too many wrong logins at the same time are put off, and known ones are not', async () => {
  const logins = new Logins(new Map([['ann', secret]]));
  await logins.check(basicOf('ann:se:cret'), 'a');
  const checks = Array.from({ length: 100 }, (_, index) => logins.check(basicOf(`ann:${index}`), 'b'));
  expect(await logins.check(basicOf('ann:se:cret'), 'a')).toBe('good');
  const results = await Promise.all(checks);
  expect(results).toContain('busy');
  expect(results).not.toContain('good');
});

test('guesses from one address do not lock others out', async () => {
  const logins = new Logins(new Map([['ann', secret]]));
  const guesses = Array.from({ length: 100 }, (_, index) => logins.check(basicOf(`ann:${index}`), 'b'));
  expect(await logins.check(basicOf('ann:se:cret'), 'a')).toBe('good');
  await Promise.all(guesses);
});

test('requests with the same login share its check', async () => {
  const logins = new Logins(new Map([['ann', secret]]));
  const checks = Array.from({ length: 100 }, () => logins.check(basicOf('ann:se:cret'), 'a'));
  expect(new Set(await Promise.all(checks))).toEqual(new Set(['good']));
});

test('guesses leave the time of the process to transfers', async () => {
  const logins = new Logins(new Map([['ann', hashSync('se:cret', 6)]]));
  await logins.check(basicOf('ann:0'), 'a');
  const before = performance.eventLoopUtilization();
  for (let index = 1; index <= 5; index++) await logins.check(basicOf(`ann:${index}`), 'a');
  expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.6);
});
