import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AST, parseRegExpLiteral } from '@eslint-community/regexpp';
import { analyse } from 'scslre';
import { parseAst } from 'vitest/node';

/** A regular expression in the sources. */
export interface Pattern {
  /** The file below the folder that was searched. */
  readonly file: string;
  /** `/…/flags` as written; for `new RegExp`, the text between the parentheses. */
  readonly text: string;
  /** Undefined for expressions that are built at run time. */
  readonly regex: RegExp | undefined;
}

/** Finds all regular expressions in the TypeScript files of a folder: literals and `new RegExp`. */
export function patternsIn(folder: string): Pattern[] {
  return globSync('**/*.ts', { cwd: folder })
    .sort()
    .flatMap((file) => {
      const text = readFileSync(join(folder, file), 'utf8');
      const found: Pattern[] = [];
      visit(parseAst(text, { lang: 'ts' }), (node) => {
        if (node.type === 'Literal' && node.regex !== undefined) {
          const { pattern, flags } = node.regex;
          found.push({ file, text: `/${pattern}/${flags}`, regex: new RegExp(pattern, flags) });
        } else if (/^(?:New|Call)Expression$/.test(node.type ?? '') && node.callee?.name === 'RegExp') {
          found.push({ file, text: text.slice(node.callee.end, node.end).replace(/\s+/g, ' '), regex: undefined });
        }
      });
      return found;
    });
}

interface Node {
  readonly type?: string;
  readonly end?: number;
  readonly regex?: { readonly pattern: string; readonly flags: string };
  readonly callee?: { readonly name?: string; readonly end: number };
}

function visit(node: unknown, see: (node: Node) => void): void {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) see(node as Node);
  for (const [key, child] of Object.entries(node)) if (key !== 'regex') visit(child, see);
}

/**
 * Reason why a regular expression takes more than linear time; undefined if it does not. Combines a static analysis with
 * timed attacks built from the pattern's own parts, since each alone misses some.
 */
export function slowness(pattern: RegExp): string | undefined {
  const { reports } = analyse({ source: pattern.source, flags: pattern.flags }, { maxReports: 1 });
  const [report] = reports;
  if (report !== undefined) return `${report.type}, ${report.exponential ? 'exponential' : 'polynomial'}`;
  const attack = attacksOn(pattern).find((text) => takesLong(pattern, text));
  return attack === undefined ? undefined : `slow on ${JSON.stringify(attack.slice(0, 40))}…`;
}

/** Minimum length and repetitions of an attack: a quadratic pattern takes ten milliseconds for it, a linear one almost no time. */
const LENGTH = 8000;
const ROUNDS = 2000;

function takesLong(pattern: RegExp, text: string): boolean {
  // A busy machine may slow down any run, but hardly three of twice the length.
  return time(pattern, text) > 4 && [1, 2, 3].every(() => time(pattern, text + text) > 12);
}

function time(pattern: RegExp, text: string): number {
  const started = performance.now();
  text.replace(pattern, '');
  return performance.now() - started;
}

/** Endings that make a repetition fail. */
const ENDS = ['\u0001', '/', '\nx ', '@'];

/** For each unbounded repetition: its prefix with many repetitions, and many repetitions of both. */
function attacksOn(pattern: RegExp): string[] {
  const attacks = new Set<string>();
  const walk = (alternatives: readonly AST.Alternative[], before: string): void => {
    for (const { elements } of alternatives) {
      let head = before;
      for (const element of elements) {
        if (element.type === 'Quantifier' && element.max === Number.POSITIVE_INFINITY) {
          for (const one of samples(element.element, pattern.flags)) {
            for (const pump of [one, head + one]) {
              if (pump === '') continue;
              const many = pump.repeat(Math.max(ROUNDS, Math.ceil(LENGTH / pump.length)));
              for (const end of ENDS) attacks.add(many + end).add(head + many + end);
            }
          }
        }
        const inner = element.type === 'Quantifier' ? element.element : element;
        if ('alternatives' in inner) walk(inner.alternatives, head);
        head += longest(samples(element, pattern.flags));
      }
    }
  };
  walk(parseRegExpLiteral(pattern).pattern.alternatives, '');
  return [...attacks];
}

function longest(texts: readonly string[]): string {
  return texts.reduce((one, other) => (other.length > one.length ? other : one), '');
}

/** Characters of all classes that patterns distinguish. */
const LETTERS = [...'a/ 1.-:_A@=\n"\',[{(+%\\$|\tz'];

/** Short sample texts that a part of a pattern matches. */
function samples(node: AST.Element | AST.QuantifiableElement, flags: string): string[] {
  switch (node.type) {
    case 'Character':
      return [String.fromCodePoint(node.value)];
    case 'CharacterSet':
    case 'CharacterClass':
    case 'ExpressionCharacterClass': {
      const takes = new RegExp(`^(?:${node.raw})$`, flags.replace(/[gy]/g, ''));
      return LETTERS.filter((letter) => takes.test(letter)).slice(0, 3);
    }
    case 'Quantifier':
      return samples(node.element, flags).map((text) => text.repeat(Math.max(1, node.min)));
    case 'Group':
    case 'CapturingGroup':
      return node.alternatives
        .flatMap(({ elements }) => {
          const parts = elements.map((element) => samples(element, flags));
          return [0, 1].map((i) => parts.map((part) => part[i] ?? part[0] ?? '').join(''));
        })
        .slice(0, 2);
    default:
      return [''];
  }
}
