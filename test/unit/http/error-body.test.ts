import { describe, expect, it } from 'vitest';
import { parseErrorBody, quoteErrorBody } from '../../../src/http/error-body.ts';
import { pageText, pageTitle } from '../../../src/http/web-page.ts';

const read = (body: string | object) =>
  parseErrorBody(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
const quote = (body: string | object): string => quoteErrorBody(read(body), true);

describe('the text of an error response', () => {
  it.each<[string, string | object, string]>([
    ['the specification', { errors: [{ code: 'DENIED', message: 'no', detail: { a: 1 } }] }, 'DENIED: no: {"a":1}'],
    ['an empty detail', { errors: [{ code: 'DENIED', message: 'no', detail: {} }] }, 'DENIED: no'],
    [
      'several errors',
      {
        errors: [
          { code: 'UNKNOWN', message: 'unknown error' },
          { code: 'DENIED', message: 'quota of the group' },
        ],
      },
      'UNKNOWN: unknown error; DENIED: quota of the group',
    ],
    ['the same error twice', { errors: [{ message: 'no' }, { message: 'no' }] }, 'no'],
    [
      'a code and a detail',
      { errors: [{ code: 'DENIED', message: '', detail: [{ Action: 'push' }] }] },
      'DENIED: [{"Action":"push"}]',
    ],
    ['errors that are texts', { errors: ['one', 'two'] }, 'one; two'],
    ['a message', { message: 'storage quota exceeded', status: 400 }, 'storage quota exceeded'],
    ['an error', { timestamp: 1, status: 500, error: 'Internal Server Error' }, 'Internal Server Error'],
    ['an error of Google', { error: { code: 404, message: 'not there', status: 'NOT_FOUND' } }, '404: not there'],
    ['OAuth', { error: 'invalid_grant', error_description: 'token is revoked' }, 'token is revoked'],
    ['problem details', { type: 'about:blank', title: 'Forbidden', detail: 'not you' }, 'Forbidden: not you'],
    ['another object', { some: { thing: 'else' } }, '{"some":{"thing":"else"}}'],
    ['a text as JSON', '"no"', 'no'],
    ['null', 'null', ''],
    ['no errors at all', { errors: [] }, ''],
    ['text', 'Retry\n later\u001b[31m', 'Retry later [31m'],
    [
      'S3',
      '<?xml version="1.0"?><Error><Code>EntityTooLarge</Code><Message>too large</Message></Error>',
      'EntityTooLarge: too large',
    ],
    ['XML of another kind', '<problem>no</problem>', '<problem>no</problem>'],
    ['a compressed body', '\u001f\ufffd\u0000', ''],
    ['nothing', '', ''],
  ])('is parsed from %s', (_, body, expected) => {
    expect(quote(body)).toBe(expected);
  });

  it.each([
    [
      'nginx',
      '<html>\r\n<head><title>413 Too Large</title></head>\r\n<body>\r\n<h1>413 Too Large</h1><hr>nginx',
      '413 Too Large nginx',
    ],
    [
      'a script and a style',
      '<!DOCTYPE html><html><style>a{}</style><script>x()</script><p>policy&nbsp;4711 &lt;b&gt;',
      'policy 4711 <b>',
    ],
    ['a title only', '<!-- c --><HTML><TITLE>Log in</TITLE><body></body></HTML>', 'Log in'],
    ['a header element, not head', '<html><header>Blocked</header></html>', 'Blocked'],
    ['an unclosed element', '<html><body>cut off<script>x(', 'cut off'],
  ])('is the text of a web page: %s', (_, body, expected) => {
    expect(read(body)).toEqual({ code: '', message: expected, isWebPage: true });
  });

  it('is limited in length', () => {
    const errors = Array.from({ length: 1000 }, (_, index) => ({ code: `C${index}`, message: 'x'.repeat(5000) }));
    expect(quote({ errors }).length).toBeLessThan(1000);
    expect(quote('y'.repeat(1e6)).length).toBeLessThan(400);
    expect(quote(`<html>${'<script>'.repeat(50_000)}`).length).toBeLessThan(400);
  });
});

describe('a malicious error response', () => {
  const LENGTH = 64 * 1024;
  const nested = (open: string, close: string): string => {
    const depth = Math.floor(LENGTH / (open.length + close.length)) - 20;
    return open.repeat(depth) + close.repeat(depth);
  };

  it.each<[string, string]>([
    ['a deep list', nested('[', ']')],
    ['errors that are a deep list', `{"errors":${nested('[', ']')}}`],
    ['a deep detail', `{"errors":[{"code":"X","detail":${nested('[', ']')}}]}`],
    ['an error in an error', nested('{"error":', '}').replace('}', '1}')],
  ])('results in a short text: %s', (_, body) => {
    expect(quote(body).length).toBeLessThan(1000);
  });

  it.each(['<head></head>', '<style ></style>', '<script>', '<head ><title></title></head>', '<', '&amp;', '</head'])(
    'is parsed in time: a page of %s',
    (part) => {
      const page = `<html>${part.repeat(4 * 1024 * 1024)}`.slice(0, 4 * 1024 * 1024);
      const before = performance.now();
      pageText(page);
      pageTitle(page);
      expect(performance.now() - before).toBeLessThan(1000);
    },
  );
});
