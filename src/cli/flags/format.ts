import { type Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';

export const FORMATS = [
  'values',
  'aggregate',
  'kustomize',
  'argocd',
  'flux',
  'map',
  'containerd',
  'mirrorset',
] as const;

export type Format = (typeof FORMATS)[number];

/** Flags that select the format of overrides. */
export interface FormatFlags {
  format: Format;
  from?: string;
  /** Commander's name for `--no-ecr-auth`. */
  ecrAuth: boolean;
  out?: string;
}

export function addFormatFlags(command: Command): Command {
  return command
    .optionsGroup('Output:')
    .addOption(
      new Option('--format <format>', 'format of the overrides, see docs/formats.md')
        .choices(FORMATS)
        .default('values'),
    )
    .option('--from <file>', 'with argocd and flux: manifest that installs the chart today')
    .option('--no-ecr-auth', 'with aggregate: do not set ecrAuth.registry for a private ECR');
}

/** @throws AirgapError `usage` for an invalid combination of flags */
export function checkFormat({ format, from, ecrAuth, out }: FormatFlags, isAll: boolean): void {
  const isDelivery = format === 'argocd' || format === 'flux';
  if (from !== undefined && (!isDelivery || isAll)) {
    throw new AirgapError('usage', '--from is the manifest of one chart', {
      hint: 'use it with --format argocd or --format flux, and one chart',
    });
  }
  if (!ecrAuth && format !== 'aggregate') {
    throw new AirgapError('usage', '--no-ecr-auth is for --format aggregate', { hint: 'leave it out' });
  }
  if (out !== undefined && format === 'containerd') {
    throw new AirgapError('usage', '--format containerd writes one file per registry', {
      hint: 'use --out-dir instead of --out',
    });
  }
  if (isAll && format === 'aggregate') {
    throw new AirgapError('usage', '--format aggregate is for one umbrella chart', {
      hint: 'name that chart instead of --all',
    });
  }
}
