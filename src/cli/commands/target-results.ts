import type { PushPlan } from '../../workflows/push/plan-push.ts';
import type { PushedGraph } from '../../workflows/push/push-graph.ts';
import { formatDocument, formatResults, printReport } from '../flags/output.ts';
import { planDocument } from '../reports/push.ts';
import type { Block, Report } from '../reports/report.ts';
import type { CommandIO } from '../run.ts';
import type { Receipts } from './receipts.ts';

/** How the results of a run with one or several targets are printed. */
export interface TargetResultsFormat<R extends PushedGraph> {
  /** Kind of the JSON document. */
  readonly kind: string;
  /** Targets as text, in the order of the flags. */
  readonly targets: readonly string[];
  readonly isJson: boolean;
  readonly receipts: Receipts | undefined;
  readonly report: (result: R, showTarget: boolean) => Report;
  readonly document: (result: R) => object;
}

/**
 * Runs a push or mirror. Prints the result of each target and writes its receipt as soon as it is complete; JSON is printed
 * at the end, also for the targets that were completed when another one failed.
 * @returns results in the order of their completion
 */
export async function printTargetResults<R extends PushedGraph>(
  io: CommandIO,
  { kind, targets, isJson, receipts, report, document }: TargetResultsFormat<R>,
  run: (onTargetDone: (result: R) => Promise<void>) => Promise<unknown>,
): Promise<readonly R[]> {
  const results: R[] = [];
  const documents = (): object[] =>
    results.toSorted((a, b) => targets.indexOf(a.target) - targets.indexOf(b.target)).map(document);
  try {
    await run(async (result) => {
      // Printed before the receipt is written, which may fail.
      if (!isJson) {
        if (results.length > 0) io.print('');
        await printReport(io, report(result, targets.length > 1));
      }
      results.push(result);
      const receipt = await receipts?.write(result);
      if (!isJson && receipt !== undefined) io.info(`receipt: ${receipt}`);
    });
  } catch (error) {
    if (isJson) for (const completed of documents()) io.print(await formatDocument(kind, completed, 'json'));
    throw error;
  }
  if (isJson) io.print(await formatResults(kind, documents()));
  return results;
}

/** How the plans of a dry run are printed. */
interface PlansFormat<P extends PushPlan> {
  /** Kind of the JSON document. */
  readonly kind: string;
  readonly report: (plan: P, showTarget: boolean) => readonly Block[];
}

/** Prints what a push or mirror would do for each target. */
export async function printPlans<P extends PushPlan>(
  io: CommandIO,
  { kind, report }: PlansFormat<P>,
  plans: readonly P[],
  output: string,
  next: readonly string[],
): Promise<void> {
  if (output === 'json') return io.print(await formatResults(kind, plans.map(planDocument)));
  // An empty line before the next target.
  const result = plans.flatMap((plan, i) => [...(i > 0 ? [''] : []), ...report(plan, plans.length > 1)]);
  await printReport(io, { result, notes: [] }, next);
}
