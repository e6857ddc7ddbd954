import { expect, test } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { wrapError } from '../../../src/transfer/wrap-error.ts';

const digest = `sha256:${'1'.repeat(64)}`;

test.each([
  [
    'a place that says less',
    'up.example/a:1',
    `r.example:5000/x/a@${digest}: gone`,
    `up.example/a:1: r.example:5000/x/a@${digest}: gone`,
  ],
  ['the very place', 'r.example/a:1', 'r.example/a:1: gone', 'r.example/a:1: gone'],
  [
    'digest and repository',
    `blob ${digest} to r.example:5000/a`,
    `r.example:5000/a@${digest}: gone`,
    `blob ${digest} to r.example:5000/a: gone`,
  ],
  [
    'the repository and not the tag',
    `manifest ${digest} to r.example:5000/a`,
    'r.example:5000/a:1: gone',
    `manifest ${digest} to r.example:5000/a:1: gone`,
  ],
  [
    'the place with its digest',
    `r.example/a:1@${digest} was pushed, and is not there`,
    'r.example/a:1: gone',
    `r.example/a:1@${digest} was pushed, and is not there: gone`,
  ],
  [
    'another repository that begins the same',
    `blob ${digest} to r.example/ab`,
    'r.example/a:1: gone',
    `blob ${digest} to r.example/ab: r.example/a:1: gone`,
  ],
])('puts the context in front of the message without repeating names: %s', (_which, what, message, expected) => {
  const [subject = '', reason = ''] = message.split(/: (?=\w+$)/);
  const error = wrapError(what, new AirgapError('network', reason, { subject, hint: 'try again' }));
  expect(error).toMatchObject({ code: 'network', message: expected, reason: 'gone', hint: 'try again' });
  expect(wrapError(what, error).message).toBe(expected);
});

test('wraps other errors', () => {
  expect(wrapError('r.example/a:1', new Error('odd')).message).toBe('r.example/a:1: odd');
});
