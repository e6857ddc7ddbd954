import semver from 'semver';
import type { NotKnown } from '../../inventory/state.ts';
import { applyRules, type RuleInput, rulePrefix } from './apply.ts';
import { findOperators } from './render.ts';
import type { Rule } from './schema.ts';
import { templateVariables } from './template.ts';

/**
 * An operator whose version is outside a rule's tables. The images of a newer version are guessed, those of an older
 * one are unknown.
 */
export interface UncoveredOperator {
  readonly side: 'newer' | 'older';
  /** Name of the rule's operator, for messages. */
  readonly operator: string;
  /** `major.minor.patch` of the operator in the render. */
  readonly release: string;
  /** The nearest rows of the tables, without duplicates. */
  readonly rows: readonly string[];
}

/**
 * Returns the operators of a render whose version is newer or older than the rules cover.
 * @param input with all references of the render, including those of rules
 */
export function uncoveredOperators(rules: readonly Rule[], input: RuleInput): UncoveredOperator[] {
  return [...newerThanKnown(rules, input), ...olderThanKnown(rules, input)];
}

/** Returns the older operators: those for which the oldest row would add an image. */
function olderThanKnown(rules: readonly Rule[], input: RuleInput): UncoveredOperator[] {
  const { metadata, references, documents } = input;
  const knownImages = new Set(references.flatMap(({ within = [] }) => within));
  return rules.flatMap((rule) => {
    const { operator, when, tables = {} } = rule;
    const operators = findOperators(when.images, references, documents, metadata.appVersion);
    const releases = new Set(operators.flatMap(({ release }) => release ?? []));
    return [...releases].flatMap((release): UncoveredOperator[] => {
      const exceeded = Object.entries(tables).filter(([, table]) =>
        Object.keys(table).every((range) => semver.ltr(release, range)),
      );
      if (exceeded.length === 0) return [];
      const extended = exceeded.map(([name, table]) => [name, { [release]: Object.values(table)[0] ?? '', ...table }]);
      const hypothetical = applyRules([{ ...rule, tables: { ...tables, ...Object.fromEntries(extended) } }], input);
      if (hypothetical.every(({ within = '' }) => knownImages.has(within))) return [];
      const rows = new Set(exceeded.flatMap(([, table]) => Object.keys(table)[0] ?? []));
      return [{ side: 'older', operator, release, rows: [...rows] }];
    });
  });
}

function newerThanKnown(rules: readonly Rule[], { metadata, references, documents }: RuleInput): UncoveredOperator[] {
  return rules.flatMap((rule) => {
    const { operator, when, tables = {}, images } = rule;
    const guessed = new Set(references.flatMap(({ within, confidence }) => (confidence === 'possible' ? within : [])));
    const guessedImages = images.filter(({ name }) => guessed.has(`${rulePrefix(rule)}${name}`));
    if (guessedImages.length === 0) return [];
    const operators = findOperators(when.images, references, documents, metadata.appVersion);
    const releases = new Set(operators.flatMap(({ release }) => release ?? []));
    return [...releases].flatMap((release): UncoveredOperator[] => {
      const isUsed = (table: string): boolean =>
        guessedImages.some(({ reference }) =>
          templateVariables(reference).some(([scope, name]) => scope === 'table' && name === table),
        );
      const exceeded = Object.entries(tables).flatMap(([name, table]) =>
        isUsed(name) && Object.keys(table).every((range) => semver.gtr(release, range)) ? [table] : [],
      );
      const rows = new Set(exceeded.flatMap((table) => Object.keys(table).at(-1) ?? []));
      return rows.size === 0 ? [] : [{ side: 'newer', operator, release, rows: [...rows] }];
    });
  });
}

/** Says why the images of an uncovered operator are not known, and what to do. */
export function uncoveredNote({
  side,
  operator,
  release,
  rows,
}: UncoveredOperator): Required<Pick<NotKnown, 'why' | 'settle'>> {
  const covered = `operator rule ${operator} covers versions ${rows.slice(0, 3).join(', ')}, but the chart has ${release}`;
  return side === 'newer'
    ? {
        why: `${covered}: images of the nearest covered version are listed as possible`,
        settle: 'accept them with --include, or add a rule with --rules',
      }
    : {
        why: `${covered}: images of this version are unknown and not listed`,
        settle: 'add a rule with --rules, or images with --image',
      };
}
