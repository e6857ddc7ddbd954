import { Command } from '@commander-js/extra-typings';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { requiredSigners, requireSignatureOption } from '../flags/signatures.ts';
import { examples } from '../help.ts';
import { diffMarkdown, diffReport } from '../reports/diff.ts';
import type { CommandIO } from '../run.ts';
import { afterDiff } from './next-steps.ts';

export function diffCommand(io: CommandIO) {
  return new Command('diff')
    .argument('<old>', 'older bundle, or its inventory (inspect -o lock)')
    .argument('<new>', 'newer bundle, or its inventory')
    .option('--exit-code', 'exit with 3 if a chart or image differs')
    .addOption(requireSignatureOption())
    .addOption(outputOption(['text', 'json', 'yaml', 'markdown'], 'text'))
    .addHelpText('after', examples('diff v1.tar v2.tar', 'diff v1.tar v2.tar -o markdown'))
    .action(async (older, newer, { exitCode, output, ...flags }) => {
      const { diff } = await import('../../workflows/inspect/diff.ts');
      const { hasDifferences } = await import('../../bundle/difference.ts');
      const { signers } = await requiredSigners(flags);
      const result = await diff(older, newer, signers, io.context.emit);
      if (output === 'text') {
        const next = hasDifferences(result) ? afterDiff(older, newer) : [];
        await printReport(io, { result: [diffReport(result)], notes: [] }, next);
      }
      if (output === 'markdown') io.print(diffMarkdown(result));
      if (output === 'json' || output === 'yaml') io.print(await formatDocument('Diff', result, output));
      if (exitCode && hasDifferences(result)) io.setExitCode(3);
    });
}
