import { describe, expect, test } from 'vitest';
import { constantElement, type Html, html } from '../../../../../src/cli/reports/html/markup.ts';
import { HOSTILE } from '../../../../support/hostile-bundle.ts';
import { hostileText } from '../../../../support/hostile-text.ts';
import fc from '../../../../support/property.ts';

const textOf = (content: Html): string => [...content].join('');

describe('values of a template', () => {
  test('are escaped in texts and attributes', () => {
    expect(textOf(html`<p title="${'"&<'}">${"<b>'"}</p>`)).toBe('<p title="&quot;&amp;&lt;">&lt;b&gt;&#39;</p>');
  });

  test.each(HOSTILE)('never become markup, whatever they are: %j', (text) => {
    const [, inner = ''] = /^<p class="x">(.*)<\/p>$/.exec(textOf(html`<p class="x">${text}</p>`)) ?? [];
    expect(inner).not.toBe('');
    expect(inner).not.toMatch(/[<>"'\p{Cc}\p{Zl}\p{Zp}\u202e]/u);
  });

  test('of any text are one line without control characters', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        expect(textOf(html`${text}`)).not.toMatch(/[<>"'\p{Cc}\u202a-\u202e]/u);
      }),
    );
  });

  test('that are HTML, lists, numbers and nothing', () => {
    expect(textOf(html`${html`<i>${1}</i>`}${[html`<b>2</b>`, html`3`]}${undefined}${false}${0}`)).toBe(
      '<i>1</i><b>2</b>30',
    );
  });

  test('are cut if they are longer than any name', () => {
    expect(textOf(html`${'x'.repeat(100_000)}`).length).toBeLessThan(5000);
  });

  test('may be made while they are written', () => {
    let made = 0;
    const items = function* (): Generator<Html> {
      for (;;) yield html`<li>${++made}</li>`;
    };
    for (const piece of html`<ul>${{ [Symbol.iterator]: items }}</ul>`) if (piece === '5') break;
    expect(made).toBe(5);
  });
});

describe('values where escaping is not enough are refused', () => {
  test.each([
    ['an address', () => html`<a href="${'javascript:x'}">`],
    ['an unquoted attribute', () => html`<p id=${'x'}>`],
    ['the name of an attribute', () => html`<p ${'x'}="1">`],
    ['a handler', () => html`<p onclick="${'x'}">`],
    ['a style', () => html`<p style="${'x'}">`],
    ['a script', () => html`<script>${'x'}</script>`],
    ['a style sheet', () => html`<style>${'x'}</style>`],
    ['a comment', () => html`<!-- ${'x'} -->`],
    ['an image', () => html`<img src="${'x'}">`],
  ])('%s', (_, make) => {
    expect(make).toThrow(TypeError);
  });

  test('a link inside the page is not', () => {
    expect(textOf(html`<a href="#${'a"b'}">x</a>`)).toBe('<a href="#a&quot;b">x</a>');
  });

  test('a constant that would end its element', () => {
    expect(() => constantElement('script', 'x = "</script>"')).toThrow(TypeError);
  });
});
