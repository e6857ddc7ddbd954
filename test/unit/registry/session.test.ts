import { expect, it } from 'vitest';
import type { AirgapEvent } from '../../../src/base/events.ts';
import type { HttpResponse, ResponseHeaders } from '../../../src/http/exchange.ts';
import { createWarningReporter } from '../../../src/registry/session.ts';

function reported(...answers: readonly (readonly [registry: string, headers: ResponseHeaders])[]): string[] {
  const messages: string[] = [];
  const report = createWarningReporter((event: AirgapEvent) => {
    if (event.type === 'warning') messages.push(event.message);
  });
  for (const [registry, headers] of answers) report(registry, { headers } as HttpResponse);
  return messages;
}

it('a warning is reported once per registry', () => {
  const warning = '299 - "read only from Monday on"';
  expect(reported(['a.example', { warning }], ['a.example', { warning }], ['b.example', { warning }])).toEqual([
    expect.stringMatching(/a\.example.*: read only from Monday on$/),
    expect.stringMatching(/b\.example.*: read only from Monday on$/),
  ]);
});

it('several headers, quotes and dates are parsed', () => {
  const warning = ['299 - "say \\"please\\"" "Tue, 15 Nov 1994 08:12:31 GMT"', '299 host:5000 "b"'];
  expect(reported(['a', { warning }])).toEqual(['a says: say "please"', 'a says: b']);
});

it.each(['110 - "Response is stale"', '299 - "', '299 - ""', '299 - " "', 'nonsense', ''])(
  'an invalid or empty warning is not reported: %s',
  (warning) => {
    expect(reported(['a', { warning }])).toEqual([]);
  },
);

it('warnings are limited to 255 characters and 20 texts, and control characters are escaped', () => {
  expect(reported(['a', { warning: `299 - "${'x'.repeat(4000)}"` }])[0]).toHaveLength('a says: '.length + 255);
  expect(reported(['a', { warning: '299 - "\u001b[2Jgone\u009b"' }])).toEqual(['a says: \\x1b[2Jgone\\x9b']);
  const many = Array.from({ length: 100 }, (_, index) => ['a', { warning: `299 - "${index}"` }] as const);
  expect(reported(...many)).toHaveLength(20);
});
