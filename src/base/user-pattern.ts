import { createContext, Script } from 'node:vm';
import { AirgapError } from './errors.ts';
import { quoted } from './printable.ts';

/** Milliseconds for one pattern and all texts of a call, such as the tags of a repository. */
const TIME_LIMIT = 2000;

/** Runs in a context of its own, because only such code can be stopped. Texts go in and out: contexts share no objects. */
const MATCH = new Script(
  'regex = new RegExp(source, flags); JSON.parse(texts).map((text) => +regex.test(text)).join("")',
);
/** Made once: a context takes 5 ms and 100 kB. */
const sandbox = createContext({ source: '', flags: '', texts: '[]', regex: undefined });

/**
 * Returns the texts that a regular expression of the user matches, anywhere in the text unless it is anchored. Texts, such
 * as tags and identities in certificates, are chosen by strangers, and an expression such as `(a+)+$` takes exponential time
 * for some: so it has a time limit. Expressions of Go, which skopeo and cosign read, are understood where both languages can
 * say the same.
 * @throws AirgapError `usage` for an expression that is invalid or takes too long
 */
export function matchingTexts(pattern: string, texts: readonly string[]): readonly string[] {
  const { source, flags } = compilable(pattern);
  try {
    Object.assign(sandbox, { source, flags, texts: JSON.stringify(texts) });
    const matches: string = MATCH.runInContext(sandbox, { timeout: TIME_LIMIT });
    return texts.filter((_, index) => matches[index] === '1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    throw new AirgapError('usage', `the regular expression ${quoted(pattern)} takes too long`, {
      hint: 'avoid a repetition inside of a repetition, such as (a+)+',
    });
  }
}

/** Returns why a text is no regular expression; undefined if it is one. */
export function patternProblem(pattern: string): string | undefined {
  const { source, flags } = compilable(pattern);
  try {
    new RegExp(source, flags);
    return undefined;
  } catch {
    return `${quoted(pattern)} is not a regular expression`;
  }
}

interface Compilable {
  readonly source: string;
  readonly flags: string;
}

/**
 * Returns an expression in JavaScript's words. With the flag `u`, JavaScript refuses what Go says in other words (`\A`,
 * `[[:alpha:]]`) instead of taking it for something else.
 */
function compilable(pattern: string): Compilable {
  const [, modifiers = '', rest = pattern] = /^\(\?([is]+)\)(.*)$/s.exec(pattern) ?? [];
  const source = rest.replace(/\\(.)|\(\?P</gs, (whole, escaped: string | undefined) => {
    if (escaped === undefined) return '(?<';
    if (escaped === 'A') return '^';
    if (escaped === 'z') return '$';
    // Go allows a backslash before any punctuation.
    return /[-_!"#%&',:;<=>@`~]/.test(escaped) ? escapedPunctuation(escaped) : whole;
  });
  return { source, flags: `u${[...new Set(modifiers)].join('')}` };
}

/** A dash within brackets keeps its backslash, which is allowed there; its code is right anywhere. */
function escapedPunctuation(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
