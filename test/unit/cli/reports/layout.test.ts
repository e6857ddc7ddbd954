import { performance } from 'node:perf_hooks';
import { beforeAll, describe, expect, it } from 'vitest';
import { layOut, layoutWidth } from '../../../../src/cli/reports/layout.ts';
import type { Table } from '../../../../src/cli/reports/report.ts';
import { loadWidths, textWidth } from '../../../../src/cli/reports/text-width.ts';
import { CONTROL_CHARACTERS, hostileText } from '../../../support/hostile-text.ts';
import fc from '../../../support/property.ts';

beforeAll(() => loadWidths(['é']));

const lines = (table: Table, width?: number): string[] => layOut([table], width).split('\n');

describe('the width of a terminal', () => {
  it.each([
    [undefined, undefined],
    [Number.NaN, 80],
    [0, 80],
    [-1, 80],
    [Number.POSITIVE_INFINITY, 80],
    [1, 60],
    [3, 60],
    [59, 60],
    [60, 60],
    [132, 132],
    [1_000_000, 1_000_000],
  ])('that says %s is laid out for %s', (columns, width) => {
    expect(layoutWidth(columns)).toBe(width);
  });
});

describe('a table', () => {
  it('has aligned columns and no blanks at line ends', () => {
    const rows = [['aaaa', 'b', 'c'], ['a', '', ''], ['a']];
    expect(lines({ head: ['A', 'LONG HEAD', 'C'], rows })).toEqual([
      'A     LONG HEAD  C',
      'aaaa  b          c',
      'a',
      'a',
    ]);
    expect(lines({ head: ['A', 'B'], rows: [] })).toEqual(['A  B']);
  });

  it('aligns wide characters', () => {
    expect(
      lines({
        head: ['A', 'B'],
        rows: [
          ['日本', 'x'],
          ['e\u0301', 'y'],
        ],
      }),
    ).toEqual(['A     B', '日本  x', 'e\u0301     y']);
  });

  const rows = [
    ['quay.io/team/web:1.0', 'Deployment/web spec.template.spec.containers[0].image'],
    ['quay.io/team/job:1.0', 'short'],
  ];

  it('that fits, or goes to a file, has a line for each row', () => {
    expect(lines({ head: ['IMAGE', 'FOUND IN'], rows }, 75)).toHaveLength(3);
    expect(lines({ head: ['IMAGE', 'FOUND IN'], rows })).toHaveLength(3);
  });

  it('that does not fit keeps its first column whole and continues the cells of others below', () => {
    expect(lines({ head: ['IMAGE', 'FOUND IN'], rows }, 62)).toEqual([
      'IMAGE                 FOUND IN',
      'quay.io/team/web:1.0  Deployment/web',
      '                      spec.template.spec.containers[0].image',
      'quay.io/team/job:1.0  short',
    ]);
  });

  it('that would be too tall is stacked, with short cells in one line and without empty ones', () => {
    const [long] = rows;
    const table = {
      head: ['IMAGE', 'NEED', 'SIZE', 'FOUND IN', ''],
      rows: [
        [`registry.example/a/long/path/${long?.[0]}`, 'install', '1 B', long?.[1] ?? '', 'remark'],
        ['b', '', '', 'c'],
      ],
    };
    expect(lines(table, 60)).toEqual([
      'IMAGE',
      'registry.example/a/long/path/quay.io/team/web:1.0',
      '  need: install; size: 1 B',
      '  found in: Deployment/web',
      '      spec.template.spec.containers[0].image',
      '  remark',
      'b',
      '  found in: c',
    ]);
  });

  it('whose first cell is wider than the terminal has all of it', () => {
    const digest = `registry.example/web@sha256:${'0123456789'.repeat(6)}`;
    expect(
      lines({ head: ['IMAGE', 'SIZE'], rows: [[digest, '1 B']] }, 60)
        .slice(1)
        .join('')
        .replaceAll(' ', ''),
    ).toBe(`${digest}size:1B`);
  });

  it('has an empty line before and after it, and texts have none between them', () => {
    const table = { head: ['A'], rows: [['a']] };
    expect(layOut(['x', 'y', table, table, 'z'], undefined)).toBe('x\ny\n\nA\na\n\nA\na\n\nz');
    expect(layOut([], 60)).toBe('');
  });
});

/** Letters of their own for each column, so that its text is found again in any layout. */
const COLUMNS = ['abc', 'ABCD', 'xyz日', '012'] as const;

it('shows all of every cell in lines that fit, for any table and width', () => {
  const cell = (letters: string) =>
    fc
      .array(fc.constantFrom(...letters, ...letters, ...' /,:.@='), { maxLength: 60 })
      .map((characters) => characters.join(''));
  const row = fc.tuple(...COLUMNS.map(cell));
  fc.assert(
    fc.property(fc.array(row, { maxLength: 6 }), fc.integer({ min: 60, max: 250 }), (rows, width) => {
      const shown = lines({ head: ['#', '##', '###', '####'], rows }, width);
      for (const line of shown) expect(textWidth(line)).toBeLessThanOrEqual(width);
      const text = shown.join('');
      for (const [i, letters] of COLUMNS.entries()) {
        const only = (from: string): string => [...from].filter((letter) => letters.includes(letter)).join('');
        expect(only(text)).toBe(only(rows.map((cells) => cells[i]).join('')));
      }
    }),
  );
});

it('escapes hostile cells', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(hostileText, hostileText, hostileText)), (rows) => {
      const shown = lines({ head: ['A', 'B', 'C'], rows }, 60);
      expect(shown.join('')).not.toMatch(CONTROL_CHARACTERS);
      for (const line of shown) expect(textWidth(line)).toBeLessThanOrEqual(60);
    }),
  );
});

const row = ['quay.io/team/web:1.0', 'install', 'Deployment/web spec.template.spec.containers[0].image'];
const huge = ['x'.repeat(100_000), '\u65e5'.repeat(100_000), ' /'.repeat(50_000)];

it.each([
  ['10,000 rows', Array.from({ length: 10_000 }, () => row)],
  ['huge cells', [row, huge]],
  ['huge cells in one column', huge.map((cell) => ['a', 'b', cell])],
])('%s take time in proportion to their size', (_, rows) => {
  for (const width of [undefined, 60, 200]) {
    const start = performance.now();
    lines({ head: ['A', 'B', 'C'], rows }, width);
    expect(performance.now() - start, `${width} columns`).toBeLessThan(4000);
  }
});
