import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { formatFailure } from '../../ui/failure.ts';
import { verifyReport } from '../../ui/reports.ts';
import { asDocument, outputOption } from '../flags/output.ts';
import type { Edge } from '../run.ts';

export function verifyCommand(edge: Edge): Command {
  return new Command('verify')
    .description('check every byte of a bundle, offline')
    .argument('<file>', 'the bundle')
    .addOption(outputOption(['text', 'json', 'yaml'], 'text'))
    .action(async (file: string, { output }: { output: 'text' | 'json' | 'yaml' }) => {
      const { verify } = await import('../../workflows/inspect.ts');
      const result = await verify(edge.context, file, availableParallelism()).catch((error: unknown) => {
        if (!(error instanceof AirgapError) || error.code !== 'bundle-invalid') throw error;
        // Damage that does not even let the archive be opened is the same answer.
        edge.tell(formatFailure(error));
        return undefined;
      });
      if (result === undefined) return edge.answer(3);
      edge.print(output === 'text' ? verifyReport(result) : await asDocument('Verification', result, output));
      if (result.problems.length > 0) edge.answer(3);
    });
}
