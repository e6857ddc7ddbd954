import type { PodSource } from '../../kubernetes/pods.ts';
import type { PodCheckOptions } from '../../workflows/check/check-pods.ts';
import { formatDocument, printReport } from '../flags/output.ts';
import { type PodFlags, readAllowedImages } from '../flags/pods.ts';
import { podCheckReport } from '../reports/check-pods.ts';
import type { CommandIO } from '../run.ts';

/** Runs `check --live` or `check --pods`, and prints the result. Exit code 3 if a Pod has a problem that is not allowed. */
export async function checkPodsCommand(
  io: CommandIO,
  source: PodSource,
  flags: Pick<PodFlags, 'allowImages'> & { readonly output: string },
  options: Pick<PodCheckOptions, 'target' | 'bundle' | 'signer'>,
): Promise<void> {
  const allowed = await readAllowedImages(flags.allowImages);
  const { checkPods } = await import('../../workflows/check/check-pods.ts');
  const { readInput } = io;
  const result = await checkPods(io.context, { ...options, source, readInput, allowed });
  if (flags.output === 'json') io.print(await formatDocument('PodCheck', result, 'json'));
  else await printReport(io, podCheckReport(result));
  if (!result.ok) io.setExitCode(3);
}
