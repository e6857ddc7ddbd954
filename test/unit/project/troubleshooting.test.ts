import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AirgapError, type ErrorCode } from '../../../src/base/errors.ts';
import { CHECK_REASONS } from '../../../src/inventory/check-reasons.ts';

/** docs/troubleshooting.md has an entry for each error code, with its exit code, and no others. */

const root = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const page = read('docs/troubleshooting.md');

/** Codes of the type in src/base/errors.ts, which has no values at run time. */
const [, union = ''] = /export type ErrorCode =\n([\s\S]*?)\n\n/.exec(read('src/base/errors.ts')) ?? [];
const codes = [...union.matchAll(/^ {2}\| '([a-z-]+)'/gm)].map(([, code]) => code as ErrorCode);
/** Text of each entry. */
const entries = new Map(
  page
    .split(/^### /m)
    .slice(1)
    .map((section): [string, string] => {
      const [title = '', ...text] = section.split(/^## /m)[0]?.split('\n') ?? [];
      return [title, text.join('\n').trim()];
    }),
);

it('there is one entry for each code', () => {
  expect(codes.length).toBeGreaterThan(25);
  expect([...entries.keys()].sort()).toEqual([...codes].sort());
});

describe.each(codes)('%s', (code) => {
  it('has the exit code of the program, which is 1 unless the entry says otherwise', () => {
    const [, stated = '1'] = /^Exit code (\d+)\./.exec(entries.get(code) ?? '') ?? [];
    expect(Number(stated)).toBe(new AirgapError(code, 'x').exitCode);
  });

  it('says something', () => {
    expect(entries.get(code)?.length).toBeGreaterThan(80);
  });
});

it('names every reason of check', () => {
  for (const reason of CHECK_REASONS) expect(page, reason).toContain(`\`${reason}\``);
});

it('quotes messages that the program has', () => {
  const source = globSync('src/**/*.ts', { cwd: root }).map(read).join('\n');
  const quoted = [...entries].flatMap(([code, text]) =>
    text
      .split('\n')
      .filter((line) => /^- `/.test(line))
      .flatMap((line) =>
        [...(line.split(': ')[0] ?? '').matchAll(/`([^`]+)`/g)].map(([, message = '']) => [code, message]),
      ),
  );
  expect(quoted.length).toBeGreaterThan(30);
  /** Parts between names. Those of Helm and Commander are not ours. */
  const foreign = new Set(['chart requires kubeVersion …', "unknown option '--…'"]);
  const unknown = quoted.filter(([, message = '']) => {
    if (foreign.has(message)) return false;
    const parts = message.split('…').map((part) => part.replaceAll('"', '').trim());
    return parts.some((part) => part !== '' && !source.includes(part));
  });
  expect(unknown).toEqual([]);
});
