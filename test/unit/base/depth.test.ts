import { describe, expect, it } from 'vitest';
import { DEPTH_LIMIT, isJsonTooDeep } from '../../../src/base/depth.ts';

describe('isJsonTooDeep', () => {
  const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

  it('counts lists and mappings that are open at the same time', () => {
    expect(isJsonTooDeep(nested(DEPTH_LIMIT))).toBe(false);
    expect(isJsonTooDeep(nested(DEPTH_LIMIT + 1))).toBe(true);
    expect(isJsonTooDeep('{"a":'.repeat(DEPTH_LIMIT + 1))).toBe(true);
    expect(isJsonTooDeep(`[${'[],{},'.repeat(DEPTH_LIMIT)}1]`)).toBe(false);
  });

  it('does not count brackets in texts', () => {
    const brackets = '['.repeat(DEPTH_LIMIT + 1);
    for (const text of [brackets, `"${brackets}`, `\\${brackets}`, `\\"${brackets}`, `${brackets}\\`])
      expect(isJsonTooDeep(JSON.stringify([text, text]))).toBe(false);
    expect(isJsonTooDeep(`["\\\\",${brackets}`)).toBe(true);
  });
});
