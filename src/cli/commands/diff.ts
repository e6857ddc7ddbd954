import { Command } from 'commander';
import { diffMarkdown, diffReport } from '../../ui/diff.ts';
import { asDocument, outputOption } from '../flags/output.ts';
import { requiredSigner, requireSignatureOption, type SignatureFlags } from '../flags/signing.ts';
import type { Edge } from '../run.ts';

interface Flags extends SignatureFlags {
  readonly exitCode?: true;
  readonly output: 'text' | 'json' | 'yaml' | 'markdown';
}

export function diffCommand(edge: Edge): Command {
  return new Command('diff')
    .description('say what is different between two bundles, and how much of it is new')
    .argument('<old>', 'the bundle of before, or its lock (inspect -o lock)')
    .argument('<new>', 'the bundle of now, or its lock')
    .option('--exit-code', 'exit code 3 when a chart or an image is different')
    .addOption(requireSignatureOption())
    .addOption(outputOption(['text', 'json', 'yaml', 'markdown'], 'text'))
    .action(async (older: string, newer: string, { exitCode, output, ...flags }: Flags) => {
      const { diff } = await import('../../workflows/diff.ts');
      const { isDifferent } = await import('../../bundle/difference.ts');
      const { signer } = await requiredSigner(flags);
      const result = await diff(older, newer, signer);
      if (output === 'text') edge.print(diffReport(result));
      else if (output === 'markdown') edge.print(diffMarkdown(result));
      else edge.print(await asDocument('Diff', result, output));
      if (exitCode && isDifferent(result)) edge.answer(3);
    });
}
