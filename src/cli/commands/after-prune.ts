import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { givenFlags } from '../flags/given.ts';
import { airgapCommand, fileWord, nextStep } from '../reports/next.ts';
import { OUTPUT, sameRun } from './next-steps.ts';

/** Flags of `prune` that only find what is not needed. */
const FINDING = ['--include-foreign', '--filled-by', '--repositories'];

/** After `prune` found something: write a list, or review it and delete what it names. */
export function afterPrunePlan(command: CommandUnknownOpts, list: string | undefined): string[] {
  if (list === undefined) return [nextStep(sameRun(command, OUTPUT, '--out', 'prune.yaml'))];
  const flags = givenFlags(command, (flag) => !OUTPUT.includes(flag) && !FINDING.includes(flag));
  const words = airgapCommand('prune', '--delete', fileWord(list), ...flags, '--receipt', 'RECEIPT.json');
  return [nextStep(words, `review ${list}`)];
}

/** After a dry run of `prune --delete`. */
export function afterDeletionPlan(command: CommandUnknownOpts): string[] {
  return [nextStep(sameRun(command, ['--dry-run', '--output']))];
}
