import { count } from '../../base/count.ts';
import { AirgapError, combine } from '../../base/errors.ts';
import type { ImagesOptions } from '../../workflows/images/images.ts';
import { flagGroup } from '../flags/option.ts';
import { formatDocument, printReport } from '../flags/output.ts';
import { explainReport } from '../reports/explain.ts';
import { whyReport } from '../reports/why.ts';
import type { CommandIO } from '../run.ts';

/** Adds flags that explain single images or texts. */
export const addWhyFlags = flagGroup((command) =>
  command
    .option('--why <reference>', 'show everything known about an image; accepts patterns like --exclude')
    .option(
      '--explain <text>',
      'show where a text occurs and why it is taken as an image or not; works without a chart',
    ),
);

/** Flags that say what to explain, and those that cannot be combined with it. */
interface WhyFlags {
  readonly why?: string;
  readonly explain?: string;
  readonly lookInside?: boolean;
  readonly includeInside?: true;
}

/**
 * Runs `--why` or `--explain`.
 * @throws AirgapError `usage`; `image-not-found` if the charts need no such image
 */
export async function runWhy(io: CommandIO, options: ImagesOptions, flags: WhyFlags, output: string): Promise<void> {
  const { why: pattern, explain: text } = flags;
  if (output !== 'table' && output !== 'json' && output !== 'yaml') {
    throw new AirgapError('usage', `--why and --explain do not support -o ${output}`, {
      hint: 'use -o table, json or yaml',
    });
  }
  if (pattern !== undefined && text !== undefined) {
    throw new AirgapError('usage', '--why cannot be used with --explain', { hint: 'run one after the other' });
  }
  if (pattern === '' || text === '') {
    throw new AirgapError('usage', 'the text to explain is empty', {
      hint: "example: --explain 'quay.io/org/name:1.0'",
    });
  }
  if (text !== undefined) {
    if (flags.lookInside || flags.includeInside) {
      throw new AirgapError('usage', '--explain cannot be used with a scan of operator images', {
        hint: 'use --why, or leave out --look-inside and --include-inside',
      });
    }
    const { explain } = await import('../../workflows/images/explain.ts');
    const explanation = await explain(io.context, { ...options, text });
    if (output === 'table') await printReport(io, { result: [explainReport(explanation)], notes: [] });
    else io.print(await formatDocument('Explanation', explanation, output));
  } else if (pattern !== undefined) {
    const { why } = await import('../../workflows/images/why.ts');
    const { failures, ...result } = await why(io.context, { ...options, pattern });
    if (output === 'table') await printReport(io, { result: [whyReport(result)], notes: [] });
    else io.print(await formatDocument('Why', result, output));
    if (failures.length > 0) {
      throw combine(failures, `${count(failures.length, 'nested chart')} could not be searched`);
    }
  }
}
