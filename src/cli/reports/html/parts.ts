import type { ContentSize } from '../../../workflows/inspect/content-sizes.ts';
import { formatBytes } from '../text.ts';
import { type Html, type HtmlValue, html } from './markup.ts';

/** Parts that several sections of a report use. */

/** A name, reference, digest or path. */
export function code(text: string): Html {
  return html`<code>${text}</code>`;
}

/** More than programs have at their end; a file of verdicts may hold any number. */
const MAX_LINES = 100;

/** The last lines of a program's output, as they are. */
export function lines(text: string): Html {
  const last = text.split('\n').slice(-MAX_LINES);
  return html`<pre>${last.map((line, i) => html`${i === 0 ? '' : LINE_BREAK}${line}`)}</pre>`;
}

const LINE_BREAK = html`
`;

/** A column of a table. */
export interface Column<T> {
  readonly title: string;
  readonly isNumber?: boolean;
  readonly cell: (row: T) => HtmlValue;
}

/**
 * A table whose first column names the row. Narrow screens show each row as a block, with the titles in front of the cells; the
 * roles keep it a table for screen readers then.
 */
export function table<T>(caption: string, columns: readonly Column<T>[], rows: readonly T[]): Html {
  const [first, ...others] = columns;
  const head = columns.map(
    ({ title, isNumber }) =>
      html`<th role="columnheader" scope="col" class="${isNumber ? 'number' : ''}">${title}</th>`,
  );
  function* body(): Generator<Html> {
    for (const row of rows) {
      const cells = others.map(({ title, isNumber, cell }) => {
        const value = cell(row);
        const label = html`<span class="label" aria-hidden="true">${title}</span>`;
        return html`<td role="cell" class="${isNumber ? 'number' : ''}">${value !== '' && value !== undefined && value !== false && html`${label}<span>${value}</span>`}</td>`;
      });
      yield html`<tr role="row"><th role="rowheader" scope="row">${first?.cell(row)}</th>${cells}</tr>
`;
    }
  }
  return html`<table class="table" role="table" aria-label="${caption}">
<thead role="rowgroup"><tr role="row">${head}</tr></thead>
<tbody role="rowgroup">
${{ [Symbol.iterator]: body }}</tbody></table>`;
}

/** A bar of the bytes that only this has, and of shared ones. @param largest bytes that fill the bar */
export function sizeBar({ bytes, own }: ContentSize, largest: number): Html {
  const share = (part: number): string => ((100 * part) / Math.max(1, largest)).toFixed(2);
  return html`<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" focusable="false"><rect class="own" x="0" width="${share(own)}" height="4"/><rect class="shared" x="${share(own)}" width="${share(bytes - own)}" height="4"/></svg>`;
}

/** Bytes that only this has, and those that others have too. */
export function sharing({ bytes, own }: ContentSize): Html {
  if (own === bytes) return html`none shared`;
  return html`<b>${formatBytes(own)}</b> only here, <b>${formatBytes(bytes - own)}</b> shared`;
}

/** State of a check, in words and colour. */
export type State = 'ok' | 'look' | 'failed';

const STATES: Readonly<Record<State, { readonly word: string; readonly style: string }>> = {
  ok: { word: '✓ OK', style: 'ok' },
  look: { word: '! Look', style: 'look' },
  failed: { word: '✗ Failed', style: 'bad' },
};

/** A line of the checks at the top. */
export function check(state: State, text: HtmlValue): Html {
  const { word, style } = STATES[state];
  return html`<li><span class="state ${style}">${word}</span><p>${text}</p></li>
`;
}

/** A short label with a frame. */
export function tag(text: string, style = ''): Html {
  return html`<span class="tag ${style}">${text}</span>`;
}

/** The first entries of a list, and how many there are besides. */
export function limited<T>(all: readonly T[], limit: number, show: (entry: T) => Html, rest: string): Html {
  const more = all.length - limit;
  return html`${all.slice(0, limit).map(show)}${more > 0 && html`<li class="soft">and ${more} more: ${rest}</li>`}`;
}
