import type { Command } from 'commander';
import { AirgapError, combine } from '../../base/errors.ts';
import { explainReport } from '../../ui/explain.ts';
import { whyReport } from '../../ui/why.ts';
import type { ImagesOptions } from '../../workflows/images.ts';
import type { InsideFlags } from '../flags/inside.ts';
import { asDocument } from '../flags/output.ts';
import type { Edge } from '../run.ts';

/** Questions about single images or texts. */
export interface WhyFlags {
  why?: string;
  explain?: string;
}

export function addWhyFlags(command: Command): Command {
  return command
    .option('--why <reference>', 'everything that is known of one image; patterns as --exclude has them')
    .option('--explain <text>', 'where a text stands and why it is taken for an image or not; also without a chart');
}

/**
 * Answers `--why` or `--explain`.
 * @throws AirgapError `usage`; `image-not-found` when the charts need no such image
 */
export async function answerWhy(
  edge: Edge,
  options: ImagesOptions,
  flags: WhyFlags & InsideFlags,
  output: string,
): Promise<void> {
  const { why: asked, explain: text } = flags;
  if (output !== 'table' && output !== 'json' && output !== 'yaml') {
    throw new AirgapError('usage', `--why and --explain have no output ${output}`, { hint: '-o table, json or yaml' });
  }
  if (asked !== undefined && text !== undefined) {
    throw new AirgapError('usage', '--why and --explain are two questions', { hint: 'ask one after the other' });
  }
  if (asked === '' || text === '') {
    throw new AirgapError('usage', 'there is nothing to explain', { hint: "as in --explain 'quay.io/org/name:1.0'" });
  }
  if (text !== undefined) {
    if (flags.lookInside || flags.includeInside) {
      throw new AirgapError('usage', '--explain is for what charts render, and does not look inside operators', {
        hint: 'ask --why, or leave the flag out',
      });
    }
    const { explain } = await import('../../workflows/explain.ts');
    const explanation = await explain(edge.context, { ...options, text });
    edge.print(output === 'table' ? explainReport(explanation) : await asDocument('Explanation', explanation, output));
  } else if (asked !== undefined) {
    const { why } = await import('../../workflows/why.ts');
    const { failures, ...result } = await why(edge.context, { ...options, asked });
    edge.print(output === 'table' ? whyReport(result) : await asDocument('Why', result, output));
    if (failures.length > 0) {
      throw combine(failures, `${failures.length} charts within charts could not be searched`);
    }
  }
}
