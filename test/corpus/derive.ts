import { ignoreEvents } from '../../src/base/events.ts';
import { parseTarget } from '../../src/naming/naming.ts';
import type { Context } from '../../src/session/context.ts';
import { type Overrides, values } from '../../src/workflows/values/values.ts';
import type { CorpusChart } from '../support/corpus.ts';
import { testHelms } from '../support/helm.ts';

/** The newest Helm that is here, for tests that depend on no version. */
export const newest = testHelms().findLast(({ path }) => path !== undefined);

export const target = parseTarget('registry.example:5000/mirror', 'host-path');

/** A context with a home of the test's own. */
export function contextIn(home: string, helm: string | undefined): Context {
  return { env: { PATH: process.env.PATH, HOME: home, HELM_BIN: helm }, cwd: home, emit: ignoreEvents };
}

/** Derives the overrides of a real chart, with their proof. */
export async function derive(context: Context, chart: CorpusChart): Promise<Overrides | undefined> {
  const request = { chart: chart.archive };
  const [result] = await values(context, { request, bundle: undefined, target, render: chart.render });
  return result;
}

/**
 * Reduces the comments of overrides to their facts, as golden/ has them: words with a digit, a slash or an inner dot,
 * sorted, each once. Comments without facts are left out.
 */
export function withFactsOnly(yaml: string): string {
  const lines = yaml.split('\n').flatMap((line) => {
    const [, indent = '', comment] = /^( *)#(.*)$/.exec(line) ?? [];
    if (comment === undefined) return [line];
    const words = comment.split(/\s+/).map((word) => word.replace(/^[("'`]+|[)"'`,.:;]+$/g, ''));
    const facts = [...new Set(words.filter((word) => /[\d/]|\w\.\w/.test(word)))].sort();
    return facts.length === 0 ? [] : [`${indent}# ${facts.join(' ')}`];
  });
  return lines.join('\n');
}
