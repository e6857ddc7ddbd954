import semver from 'semver';
import { namedIn, type RuleInput } from './apply.ts';
import { findOperators } from './render.ts';
import type { Rule } from './schema.ts';
import { variablesOf } from './template.ts';

/** An operator that is newer than a rule's tables, so that its images are only guessed. */
export interface Newer {
  /** Of the rule, for people. */
  readonly operator: string;
  /** `major.minor.patch` of the operator in the render. */
  readonly release: string;
  /** Newest rows of the tables that do not reach it, each once. */
  readonly rows: readonly string[];
}

/**
 * The operators of a render that are newer than what rules know of the images that they choose in it.
 * @param places what was found in it, by rules too
 */
export function newerThanKnown(
  rules: readonly Rule[],
  { metadata, places, documents }: Pick<RuleInput, 'metadata' | 'places' | 'documents'>,
): Newer[] {
  return rules.flatMap((rule) => {
    const { operator, when, tables = {}, images } = rule;
    const guessed = new Set(places.flatMap(({ within, confidence }) => (confidence === 'possible' ? within : [])));
    const unsure = images.filter(({ name }) => guessed.has(`${namedIn(rule)}${name}`));
    if (unsure.length === 0) return [];
    const found = findOperators(when.images, places, documents, metadata.appVersion);
    const releases = new Set(found.flatMap(({ release }) => release ?? []));
    return [...releases].flatMap((release): Newer[] => {
      const isUsed = (table: string): boolean =>
        unsure.some(({ reference }) =>
          variablesOf(reference).some(([scope, name]) => scope === 'table' && name === table),
        );
      const short = Object.entries(tables).flatMap(([name, table]) =>
        isUsed(name) && Object.keys(table).every((range) => semver.gtr(release, range)) ? [table] : [],
      );
      const rows = new Set(short.flatMap((table) => Object.keys(table).at(-1) ?? []));
      return rows.size === 0 ? [] : [{ operator, release, rows: [...rows] }];
    });
  });
}

/** The same in words. */
export function newerNote({ operator, release, rows }: Newer): string {
  const known = rows.slice(0, 3).join(', ');
  return (
    `rule ${operator} knows the images of its versions ${known}, and the chart has ${release}: ` +
    'the newest that it knows are listed as possible; --include takes them, and --rules teaches the right ones'
  );
}
