import semver from 'semver';
import { applyRules, namedIn, type RuleInput } from './apply.ts';
import { findOperators } from './render.ts';
import type { Rule } from './schema.ts';
import { variablesOf } from './template.ts';

/**
 * An operator whose version is outside a rule's tables. The images of a newer version are guessed, those of an older
 * one are unknown.
 */
export interface Outside {
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
export function outsideTables(rules: readonly Rule[], input: RuleInput): Outside[] {
  return [...newerThanKnown(rules, input), ...olderThanKnown(rules, input)];
}

/** Returns the older operators: those for which the oldest row would add an image. */
function olderThanKnown(rules: readonly Rule[], input: RuleInput): Outside[] {
  const { metadata, places, documents } = input;
  const told = new Set(places.flatMap(({ within = [] }) => within));
  return rules.flatMap((rule) => {
    const { operator, when, tables = {} } = rule;
    const found = findOperators(when.images, places, documents, metadata.appVersion);
    const releases = new Set(found.flatMap(({ release }) => release ?? []));
    return [...releases].flatMap((release): Outside[] => {
      const short = Object.entries(tables).filter(([, table]) =>
        Object.keys(table).every((range) => semver.ltr(release, range)),
      );
      if (short.length === 0) return [];
      const stretched = short.map(([name, table]) => [name, { [release]: Object.values(table)[0] ?? '', ...table }]);
      const supposed = applyRules([{ ...rule, tables: { ...tables, ...Object.fromEntries(stretched) } }], input);
      if (supposed.every(({ within = '' }) => told.has(within))) return [];
      const rows = new Set(short.flatMap(([, table]) => Object.keys(table)[0] ?? []));
      return [{ side: 'older', operator, release, rows: [...rows] }];
    });
  });
}

function newerThanKnown(rules: readonly Rule[], { metadata, places, documents }: RuleInput): Outside[] {
  return rules.flatMap((rule) => {
    const { operator, when, tables = {}, images } = rule;
    const guessed = new Set(places.flatMap(({ within, confidence }) => (confidence === 'possible' ? within : [])));
    const unsure = images.filter(({ name }) => guessed.has(`${namedIn(rule)}${name}`));
    if (unsure.length === 0) return [];
    const found = findOperators(when.images, places, documents, metadata.appVersion);
    const releases = new Set(found.flatMap(({ release }) => release ?? []));
    return [...releases].flatMap((release): Outside[] => {
      const isUsed = (table: string): boolean =>
        unsure.some(({ reference }) =>
          variablesOf(reference).some(([scope, name]) => scope === 'table' && name === table),
        );
      const short = Object.entries(tables).flatMap(([name, table]) =>
        isUsed(name) && Object.keys(table).every((range) => semver.gtr(release, range)) ? [table] : [],
      );
      const rows = new Set(short.flatMap((table) => Object.keys(table).at(-1) ?? []));
      return rows.size === 0 ? [] : [{ side: 'newer', operator, release, rows: [...rows] }];
    });
  });
}

/** Formats an uncovered operator as a message. */
export function outsideNote({ side, operator, release, rows }: Outside): string {
  const known = rows.slice(0, 3).join(', ');
  const what =
    side === 'newer'
      ? 'images of the nearest covered version are listed as possible; accept them with --include, or add a rule with --rules'
      : 'images of this version are unknown and not listed; add a rule with --rules, or images with --image';
  return `operator rule ${operator} covers versions ${known}, but the chart has ${release}: ${what}`;
}
