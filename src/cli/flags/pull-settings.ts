import type { Command } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { isName } from '../../base/names.ts';
import { quoted } from '../../base/printable.ts';

/** Flags that add pull secrets and digests to overrides. */
export interface PullSettingFlags {
  pullSecret?: string;
  pin?: true;
}

export function addPullSettingFlags(command: Command): Command {
  return command
    .optionsGroup('Pull secrets and digests:')
    .option('--pull-secret <name>', 'set this image pull secret wherever the chart has a value for it')
    .option('--pin', 'pin images to the digests in the bundle where the chart allows it (needs --bundle)');
}

/** Checks the flags and their combination. @throws AirgapError `usage` */
export function checkPullSettings(
  flags: PullSettingFlags & { readonly bundle?: string; readonly format: string },
): void {
  const { pullSecret, pin, bundle, format } = flags;
  if (pullSecret !== undefined && !isName('object name', pullSecret)) {
    throw new AirgapError('usage', `--pull-secret ${quoted(pullSecret)} is not a valid name of a Secret`, {
      hint: 'give the name of a Secret of type kubernetes.io/dockerconfigjson in the namespace of the release',
    });
  }
  if (pin && bundle === undefined) {
    throw new AirgapError('usage', '--pin needs --bundle', { hint: 'the digests come from the bundle' });
  }
  const given = pin ? '--pin' : pullSecret === undefined ? undefined : '--pull-secret';
  if (given !== undefined && !['values', 'argocd', 'flux'].includes(format)) {
    throw new AirgapError('usage', `${given} cannot be used with --format ${format}`, {
      hint: 'leave one of them out',
    });
  }
}

/** Returns the options of the workflow. */
export function pullSettings({ pullSecret, pin }: PullSettingFlags): { pullSecret?: string; pin?: true } {
  return { ...(pullSecret === undefined ? {} : { pullSecret }), ...(pin ? { pin } : {}) };
}
