import { Command } from 'commander';
import { inspectReport } from '../../ui/reports.ts';
import { asDocument, outputOption } from '../flags/output.ts';
import type { Edge } from '../run.ts';

export function inspectCommand(edge: Edge): Command {
  return new Command('inspect')
    .description('say what is in a bundle, and why')
    .argument('<file>', 'the bundle')
    .addOption(outputOption(['text', 'json', 'yaml'], 'text'))
    .action(async (file: string, { output }: { output: 'text' | 'json' | 'yaml' }) => {
      const { inspect } = await import('../../workflows/inspect.ts');
      const result = await inspect(file);
      edge.print(output === 'text' ? inspectReport(result) : await asDocument('Inspection', result, output));
    });
}
