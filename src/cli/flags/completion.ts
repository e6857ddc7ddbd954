import type { Command } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { isName } from '../../base/names.ts';
import { quoted } from '../../base/printable.ts';

/** What overrides bring along beside private names. */
export interface CompletionFlags {
  pullSecret?: string;
  pin?: true;
}

export function addCompletionFlags(command: Command): Command {
  return command
    .option('--pull-secret <name>', 'the secret that pods are to pull with: set wherever a value takes it')
    .option('--pin', "the bundle's digests behind the tags, where the chart takes them (needs --bundle)");
}

/**
 * Refuses what makes no sense.
 * @throws AirgapError `usage`
 */
export function checkCompletion(flags: CompletionFlags & { readonly bundle?: string; readonly format: string }): void {
  const { pullSecret, pin, bundle, format } = flags;
  if (pullSecret !== undefined && !isName('object name', pullSecret)) {
    throw new AirgapError('usage', `--pull-secret ${quoted(pullSecret)} is no name that a Secret can have`, {
      hint: 'give the name of the Secret, of kind kubernetes.io/dockerconfigjson, in the namespace of the release',
    });
  }
  if (pin && bundle === undefined) {
    throw new AirgapError('usage', '--pin needs --bundle', { hint: 'the digests come from the bundle' });
  }
  const asked = pin ? '--pin' : pullSecret === undefined ? undefined : '--pull-secret';
  if (asked !== undefined && !['values', 'argocd', 'flux'].includes(format)) {
    throw new AirgapError('usage', `${asked} does not go with --format ${format}`, { hint: 'leave one of them out' });
  }
}

/** The same as options of the workflow. */
export function completionOf({ pullSecret, pin }: CompletionFlags): { pullSecret?: string; pin?: true } {
  return { ...(pullSecret === undefined ? {} : { pullSecret }), ...(pin ? { pin } : {}) };
}
