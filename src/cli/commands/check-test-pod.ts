import { AirgapError } from '../../base/errors.ts';
import type { PullSecret } from '../../kubernetes/pull-secret.ts';
import { formatTarget } from '../../naming/naming.ts';
import type { CheckOptions } from '../../workflows/check/check.ts';
import { printReport } from '../flags/output.ts';
import { pullTestReport } from '../reports/pull-test.ts';
import type { CommandIO } from '../run.ts';

/**
 * Runs `check --test-pod`: prints Jobs that pull images with the rights of the nodes. Asks no registry.
 * @throws AirgapError `usage` for a pull secret without a name
 */
export async function checkTestPodCommand(
  io: CommandIO,
  options: CheckOptions,
  secret: Pick<PullSecret, 'name' | 'namespace'> | undefined,
): Promise<void> {
  if (secret !== undefined && secret.name === undefined) {
    throw new AirgapError('usage', '--test-pod needs the name of the pull secret, which this file does not have', {
      hint: 'give --pull-secret NAMESPACE/NAME, or the file of a Secret with a name',
    });
  }
  const pullSecret = secret?.name === undefined ? undefined : { name: secret.name, namespace: secret.namespace };
  const { pullTest } = await import('../../workflows/check/pull-test.ts');
  const result = await pullTest(io.context, options, pullSecret);
  io.print(result.manifest.trimEnd());
  await printReport(io, pullTestReport(result, options.target && formatTarget(options.target)));
}
