import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { flagsOfCommand, givenArguments, givenFlags } from '../flags/given.ts';
import { airgapCommand, nextStep } from '../reports/next.ts';
import { OUTPUT, sameRun } from './next-steps.ts';

/** Flags that name what is searched. */
const SOURCES = ['--config', '--kustomize', '--manifests', '--image', '--images', '--pods'];

/** After `public-ecr`: change the values files, or copy what Public ECR does not have into a private registry. */
export function afterPublicEcr(
  command: CommandUnknownOpts,
  { editable, elsewhere }: { readonly editable: number; readonly elsewhere: number },
): string[] {
  if (editable > 0) return [nextStep(sameRun(command, OUTPUT, '--write'))];
  if (elsewhere === 0) return [];
  const given = givenArguments(command);
  const isShared = flagsOfCommand(command, 'mirror');
  const flags = givenFlags(command, (flag) => isShared.has(flag) && !OUTPUT.includes(flag));
  const charts = given.length > 0 || flags.some((flag) => SOURCES.includes(flag)) ? given : ['CHART'];
  const target = 'ACCOUNT.dkr.ecr.REGION.amazonaws.com/PREFIX';
  return [nextStep(airgapCommand('mirror', ...charts, ...flags, '--to', target))];
}
