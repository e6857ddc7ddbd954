import { AirgapError } from '../../base/errors.ts';
import type { PodSource } from '../../kubernetes/pods.ts';
import { readConfiguration } from '../flags/configuration.ts';
import { type OnPurposeFlags, onPurposeOf } from '../flags/on-purpose.ts';
import { formatDocument, printReport } from '../flags/output.ts';
import type { PodFlags } from '../flags/pods.ts';
import { selectedPatterns } from '../flags/settings.ts';
import { requiredSigners } from '../flags/signatures.ts';
import { type NamingFlags, targetOf } from '../flags/target.ts';
import { podCheckReport } from '../reports/check-pods.ts';
import type { CommandIO } from '../run.ts';

type Flags = PodFlags &
  OnPurposeFlags &
  NamingFlags &
  Parameters<typeof readConfiguration>[1] & {
    readonly to?: string;
    readonly bundle?: string;
    readonly requireSignature: readonly string[];
    readonly output: string;
  };

/** Runs `check --live` or `check --pods`, and prints the result. Exit code 3 if a Pod has a problem that is not allowed. */
export async function checkPodsCommand(io: CommandIO, source: PodSource, flags: Flags): Promise<void> {
  const { to, bundle, output } = flags;
  if (to === undefined) {
    throw new AirgapError('usage', '--live and --pods need --to', {
      hint: 'name the registry that the nodes pull from, as for push and values',
    });
  }
  const { config } = await readConfiguration(io.context, flags);
  const target = await targetOf(to, flags, config);
  const onPurpose = await onPurposeOf(flags, selectedPatterns(flags, config));
  const signing = await requiredSigners(flags);
  const { checkPods } = await import('../../workflows/check/check-pods.ts');
  const { readInput } = io;
  const result = await checkPods(io.context, { ...signing, target, bundle, source, readInput, onPurpose });
  if (!result.ok) io.setExitCode(3);
  if (output === 'json') io.print(await formatDocument('PodCheck', result, 'json'));
  else await printReport(io, podCheckReport(result));
}
