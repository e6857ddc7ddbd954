import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { patternsIn, slowness } from '../../support/slow-patterns.ts';

const patterns = patternsIn(join(import.meta.dirname, '../../../src'));

/** Files that build patterns at run time, with the reason why they are linear. */
const DYNAMIC: Readonly<Record<string, string>> = {
  'base/names.ts': 'of literals in that file, on names of bounded length',
  'discovery/network/resources.ts': 'of literals in that file',
  'discovery/shell/variables.ts': 'of a variable name, letters and digits',
  'ecr/hosts.ts': 'of literals in that file, on hosts',
  'ecr/names.ts': 'of literals in that file; parts are separated by a slash',
  'sweep/hosts.ts': 'of names of hosts, one after the other',
  'base/user-pattern.ts': 'of the user; run with a time limit',
};

describe('a pattern that is not linear in its input is found', () => {
  it.each([
    ['scheme of a URL', /([a-z][a-z0-9+.-]*:\/\/)[^/\s'"]+@(?!sha(?:256|512):)/gi],
    ['middle of a reference', /image|repositor|registry|_REPO|[\w-]\/[\w.-]+(?:\/[\w.-]+)*[:@]\w|@sha256:|\\\n/i],
    ['call of Helm', /(?:\b|\\n)helm[34]?\b["',\]\s-]+(?:\S+\s+){0,8}?["']?(?:install|upgrade|template|pull|fetch)\b/],
    ['several stars', /^a.*b.*c.*d$/],
    ['repetition in a repetition', /^a(?:-*[a-z]+)*$/],
    ['end of a text', /\/+$/],
    ['words around a text', /function ".*" not defined/],
  ])('%s', (_, pattern) => {
    expect(slowness(pattern)).toBeDefined();
  });

  it.each([/^[a-z]+$/, /a[^a]*b/g, /(:\/\/)[^/\s'"]+@/g, /^[0-9a-zA-Z._*-]{1,128}$/, /function "[^"\n]*" not/])(
    'a linear one is not: %s',
    (pattern) => {
      expect(slowness(pattern)).toBeUndefined();
    },
  );
});

describe('the sources', () => {
  it('have only patterns that are linear in their input', () => {
    expect(patterns.length).toBeGreaterThan(500);
    const slow = new Map<string, string>();
    for (const { file, text, regex: made } of patterns) {
      if (made === undefined || slow.has(text)) continue;
      const why = slowness(made);
      if (why !== undefined) slow.set(text, `${file}: ${why}: ${text}`);
    }
    expect([...slow.values()]).toEqual([]);
  });

  it('build patterns at run time only where they are known to be linear', () => {
    const made = patterns.filter((pattern) => pattern.regex === undefined && !(pattern.file in DYNAMIC));
    expect(made.map(({ file, text }) => `${file}: ${text}`)).toEqual([]);
  });
});
