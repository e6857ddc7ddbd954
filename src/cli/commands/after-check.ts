import { basename } from 'node:path';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CheckReason } from '../../inventory/check-reasons.ts';
import { flagsOfCommand, givenArguments, givenFlags } from '../flags/given.ts';
import { airgapCommand, fileWord, nextStep } from '../reports/next.ts';
import { ACCESS, NAMING, ON_PURPOSE, OUTPUT, sameRun, sharedFlags, TARGET } from './next-steps.ts';

/** Answers of a check that decide what comes next. */
interface Checked {
  readonly reasons: ReadonlySet<CheckReason>;
  readonly bundle: string | undefined;
  /** `REGISTRY[/PREFIX]`; undefined without one. */
  readonly target: string | undefined;
  readonly charts: readonly string[];
  /** No chart was checked. */
  readonly isOfManifests?: boolean;
  /** The target lacks a chart, and the list of what is missing does not say where it is from. */
  readonly lacksChart?: boolean;
  /** Name of the pull secret. */
  readonly pullSecret?: string | undefined;
}

/** Reasons that new content at the target does not remove. */
const ACCESS_REASONS: readonly CheckReason[] = ['unreachable', 'unknown-authority', 'no-permission'];

/** After `check`: what removes the first obstacle; with none, write the overrides. The hints of the report say the rest. */
export function afterCheck(command: CommandUnknownOpts, checked: Checked): string[] {
  const { reasons, bundle = 'BUNDLE', target = 'REGISTRY', lacksChart, isOfManifests } = checked;
  if (ACCESS_REASONS.some((reason) => reasons.has(reason))) return [];
  if (isOfManifests) return afterManifests(command, checked);
  // The bundle does not repair an incomplete image, because its tag is at the target.
  const isAbsent = reasons.has('not-in-bundle') || reasons.has('wrong-platform') || reasons.has('incomplete');
  if (isAbsent || (reasons.has('not-pushed') && checked.bundle === undefined)) {
    const named = lacksChart ? ['CHART'] : [];
    const words = airgapCommand('bundle', ...named, '--only-missing', 'check.json', '--out', 'missing.tar');
    return [nextStep(words, 'write this result with -o json to check.json, carry it to the connected host')];
  }
  if (reasons.has('not-pushed')) {
    const flags = sharedFlags(command, 'push', [...ACCESS, ...TARGET, ...NAMING, '--require-signature']);
    return [nextStep(airgapCommand('push', fileWord(bundle), '--to', target, ...flags))];
  }
  if (reasons.has('public-name')) {
    const { unmapped } = command.opts();
    if (unmapped === 'repack') return [];
    const how = unmapped === 'post-render' ? 'repack' : 'post-render';
    return [nextStep(sameRun(command, ['--output', '--unmapped'], `--unmapped=${how}`))];
  }
  if (reasons.size > 0) return [];
  if (checked.target === undefined) return [nextStep(airgapCommand('push', fileWord(bundle), '--to', target))];
  return afterGoodCheck(command, checked);
}

/** After a check of kustomizations and manifests alone: set the images, push them, or apply what was checked. */
function afterManifests(command: CommandUnknownOpts, { reasons, bundle, target }: Checked): string[] {
  const { kustomize = [], manifests = [] }: { kustomize?: readonly string[]; manifests?: readonly string[] } =
    command.opts();
  const folders = kustomize.map(fileWord);
  if (reasons.has('public-name')) {
    if (folders.length === 0 || target === undefined) return [];
    const flags = sharedFlags(command, 'values', [...TARGET, ...NAMING, ...ON_PURPOSE]);
    const words = ['--format', 'kustomize', '--update', ...folders, '--to', target, ...flags];
    return [nextStep(airgapCommand('values', ...words))];
  }
  if (reasons.has('not-pushed') && bundle !== undefined && target !== undefined) {
    const flags = sharedFlags(command, 'push', [...ACCESS, ...TARGET, ...NAMING, '--require-signature']);
    return [nextStep(airgapCommand('push', fileWord(bundle), '--to', target, ...flags))];
  }
  if (reasons.size > 0 || target === undefined) return [];
  const [folder] = folders;
  if (folder !== undefined) return [nextStep(['kubectl', 'apply', '-k', folder])];
  const [path] = manifests;
  return path === undefined || path === '-' ? [] : [nextStep(['kubectl', 'apply', '-R', '-f', fileWord(path)])];
}

/** After a check of derived overrides: write them. With existing overrides, nothing is left to do but to install. */
function afterGoodCheck(command: CommandUnknownOpts, { charts, pullSecret }: Checked): string[] {
  const { overrides, unmapped } = command.opts() as {
    readonly overrides?: readonly string[];
    readonly unmapped?: string;
  };
  const named = givenArguments(command);
  if (overrides?.length !== 0 || named.length > 1) return [];
  const isShared = flagsOfCommand(command, 'values');
  const isOther = (flag: string): boolean => OUTPUT.includes(flag) || flag === '--pull-secret' || flag === '--unmapped';
  const flags = [
    ...givenFlags(command, (flag) => isShared.has(flag) && !isOther(flag)),
    ...(unmapped === undefined ? [] : [`--unmapped=${unmapped}`]),
    ...(pullSecret === undefined ? [] : ['--pull-secret', pullSecret]),
  ];
  const [chart = 'overrides'] = charts;
  const out = named.length === 0 ? ['--out-dir', 'overrides'] : ['--out', fileWord(`${basename(chart)}.yaml`)];
  return [nextStep(airgapCommand('values', ...named, ...flags, ...out))];
}
