import { splitManifests } from '../../../helm/documents.ts';
import { isRefusal, type Refusal } from '../../../helm/yaml-source.ts';
import {
  applyRewrites,
  planRewrites,
  type RemainingReference,
  type RewriteRules,
  type ScalarRewrite,
} from '../../../openshift/index.ts';
import { changesBetween } from '../../../value-tracing/changes.ts';

/** A text of manifests after the rewrites. */
export interface RewrittenText {
  readonly text: string;
  readonly rewrites: readonly ScalarRewrite[];
  /** What still refers to the source. Lines are those of both texts: rewrites add none. */
  readonly left: readonly RemainingReference[];
}

/** Maximum number of rewrites that are proved one by one if they fail together. */
const MAX_TRIALS = 100;

/**
 * Rewrites the objects in a text of manifests. The result was read again by the rules of Kubernetes: its only differences are
 * the rewritten values, and a second run would change nothing. Rewrites that do not pass are left out.
 * @returns the problem of a text that is not YAML
 */
export function rewriteText(text: string, rules: RewriteRules): RewrittenText | Refusal {
  const plan = planRewrites(text, rules);
  if (isRefusal(plan)) return plan;
  const rewrites = provedRewrites(text, plan.rewrites);
  if (rewrites.length === 0 && plan.rewrites.length === 0) return { text, ...plan };
  const changed = applyRewrites(text, rewrites);
  const again = planRewrites(changed, rules);
  if (isRefusal(again)) return again;
  // These are the rewrites that were left out.
  const unproved = again.rewrites.map(
    ({ line, object, path, text: value }): RemainingReference => ({
      line,
      object,
      path,
      text: value,
      reason: UNPROVED,
    }),
  );
  return { text: changed, rewrites, left: [...again.left, ...unproved].sort((a, b) => a.line - b.line) };
}

const UNPROVED = 'the changed file would not be read as intended';

/** Returns the rewrites that change nothing but their values. */
function provedRewrites(text: string, rewrites: readonly ScalarRewrite[]): readonly ScalarRewrite[] {
  if (rewrites.length === 0 || isProved(text, rewrites)) return rewrites;
  if (rewrites.length > MAX_TRIALS) return [];
  const good = rewrites.filter((rewrite) => isProved(text, [rewrite]));
  return isProved(text, good) ? good : [];
}

/** Reports whether the only differences between the texts, as Kubernetes reads them, are those of the rewrites. */
function isProved(text: string, rewrites: readonly ScalarRewrite[]): boolean {
  const changed = applyRewrites(text, rewrites);
  if (lineCount(changed) !== lineCount(text)) return false;
  const [before, after] = [text, changed].map((one) => ({ documents: splitManifests(one, '') }));
  if (before === undefined || after === undefined) return false;
  const found = changesBetween([before], [after]).map((change) => {
    const isText = typeof change.after === 'string' && ['string', 'number'].includes(typeof change.before);
    return isText ? JSON.stringify([change.path, String(change.before), change.after]) : '';
  });
  const wanted = rewrites.map(({ keys, text: old, replacement }) => JSON.stringify([keys, old, replacement]));
  return found.length === wanted.length && found.sort().join('\n') === wanted.sort().join('\n');
}

function lineCount(text: string): number {
  return text.split('\n').length;
}
