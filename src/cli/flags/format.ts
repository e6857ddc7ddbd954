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

/** In which form overrides are written. */
export interface FormatFlags {
  format: Format;
  from?: string;
  /** Commander's name for `--no-ecr-auth`. */
  ecrAuth: boolean;
  out?: string;
}

export function addFormatFlags(command: Command): Command {
  return command
    .optionsGroup('Format:')
    .addOption(
      new Option('--format <format>', 'what is written; see docs/formats.md').choices(FORMATS).default('values'),
    )
    .option('--from <file>', 'with argocd and flux: the manifest that installs the chart already')
    .option('--no-ecr-auth', 'with aggregate: without ecrAuth.registry, which a private ECR gets otherwise');
}

/** @throws AirgapError `usage` for flags that do not go together */
export function checkFormat({ format, from, ecrAuth, out }: FormatFlags, isAll: boolean): void {
  const isDelivery = format === 'argocd' || format === 'flux';
  if (from !== undefined && (!isDelivery || isAll)) {
    throw new AirgapError('usage', '--from names the manifest of one chart', {
      hint: 'it goes with --format argocd or --format flux, and a chart',
    });
  }
  if (!ecrAuth && format !== 'aggregate') {
    throw new AirgapError('usage', '--no-ecr-auth is for --format aggregate', { hint: 'leave it out' });
  }
  if (out !== undefined && format === 'containerd') {
    throw new AirgapError('usage', '--format containerd has a file for each registry', {
      hint: 'give a folder for them with --out-dir',
    });
  }
  if (isAll && format === 'aggregate') {
    throw new AirgapError('usage', '--format aggregate is for one chart that installs others', {
      hint: 'name that chart instead of --all',
    });
  }
}
