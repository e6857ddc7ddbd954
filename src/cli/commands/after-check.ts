import { basename } from 'node:path';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CheckReason } from '../../inventory/check-reasons.ts';
import { flagsOfCommand, givenArguments, givenFlags } from '../flags/given.ts';
import { airgapCommand, fileWord, nextStep } from '../reports/next.ts';
import { ACCESS, NAMING, OUTPUT, sameRun, sharedFlags, TARGET } from './next-steps.ts';

/** Answers of a check that decide what comes next. */
interface Checked {
  readonly reasons: ReadonlySet<CheckReason>;
  readonly bundle: string | undefined;
  /** `REGISTRY[/PREFIX]`; undefined without one. */
  readonly target: string | undefined;
  readonly charts: readonly string[];
  /** The target lacks a chart, and the list of what is missing does not say where it is from. */
  readonly lacksChart: boolean;
}

/** Reasons that new content at the target does not remove. */
const ACCESS_REASONS: readonly CheckReason[] = ['unreachable', 'unknown-authority', 'no-permission'];

/** After `check`: what removes the first obstacle; with none, write the overrides. The hints of the report say the rest. */
export function afterCheck(
  command: CommandUnknownOpts,
  { reasons, bundle, target, charts, lacksChart }: Checked,
): string[] {
  if (ACCESS_REASONS.some((reason) => reasons.has(reason))) return [];
  const isAbsent = reasons.has('not-in-bundle') || reasons.has('wrong-platform') || reasons.has('incomplete');
  if (isAbsent || (reasons.has('not-pushed') && bundle === undefined)) {
    const named = lacksChart ? ['CHART'] : [];
    const words = airgapCommand('bundle', ...named, '--only-missing', 'check.json', '--out', 'missing.tar');
    return [nextStep(words, 'write this result with -o json to check.json, carry it to the connected host')];
  }
  if (reasons.has('not-pushed')) {
    const access = sharedFlags(command, 'push', [...ACCESS, ...TARGET, ...NAMING, '--require-signature']);
    return [nextStep(airgapCommand('push', fileWord(bundle ?? 'BUNDLE'), '--to', target ?? 'REGISTRY', ...access))];
  }
  if (reasons.has('public-name')) {
    const { unmapped } = command.opts();
    if (unmapped === 'repack') return [];
    const how = unmapped === 'post-render' ? 'repack' : 'post-render';
    return [nextStep(sameRun(command, ['--output', '--unmapped'], `--unmapped=${how}`))];
  }
  return afterGoodCheck(command, target, charts);
}

function afterGoodCheck(command: CommandUnknownOpts, target: string | undefined, charts: readonly string[]): string[] {
  const { overrides, config, bundle } = command.opts() as {
    overrides?: readonly string[];
    config?: string;
    bundle?: string;
  };
  if (target === undefined) return [nextStep(airgapCommand('push', fileWord(bundle ?? 'BUNDLE'), '--to', 'REGISTRY'))];
  // The user knows how to install with overrides that exist.
  if ((overrides ?? []).length > 0) return [];
  const arguments_ = givenArguments(command);
  const isShared = flagsOfCommand(command, 'values');
  const flags = givenFlags(command, (flag) => isShared.has(flag) && !OUTPUT.includes(flag) && flag !== '--pull-secret');
  if (arguments_.length > 1) return [];
  const isSeveral = config !== undefined || arguments_.length === 0;
  const out = isSeveral
    ? ['--out-dir', 'overrides']
    : ['--out', fileWord(`${basename(charts[0] ?? 'overrides')}.yaml`)];
  return [nextStep(airgapCommand('values', ...arguments_, ...flags, ...out))];
}
