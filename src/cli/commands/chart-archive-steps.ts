import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { givenFlags } from '../flags/given.ts';
import { airgapCommand, fileWord, nextStep, shellWord } from '../reports/next.ts';
import { ACCESS, sharedFlags, TARGET } from './next-steps.ts';

/** A chart archive to push, and where it goes. */
interface ChartArchiveStep {
  readonly file: string;
  readonly chart: string;
  readonly version: string;
  /** `oci://REGISTRY/PATH`. */
  readonly address: string;
}

/** Chart archives that `values` wrote. */
interface WrittenArchives {
  readonly archives: readonly ChartArchiveStep[];
  /** Path of the charts from the root of the registry. */
  readonly prefix: string;
  /** The values are in a configuration file. */
  readonly isConfigured: boolean;
  readonly plainHttp: boolean;
  readonly namespace: string | undefined;
}

/** After `values --format chart`: push the archives, then install from there. */
export function afterChartArchives(command: CommandUnknownOpts, written: WrittenArchives): string[] {
  const { archives, prefix } = written;
  const [first] = archives;
  if (first === undefined) return [];
  const files = archives.flatMap(({ file }) => ['--chart-archive', fileWord(file)]);
  const { to } = command.opts() as { readonly to?: string };
  const access = sharedFlags(command, 'push', [...ACCESS, ...TARGET]);
  const push = airgapCommand('push', ...files, '--to', to ?? 'REGISTRY', '--chart-prefix', prefix, ...access);
  const install = installWords(command, first, written).map(shellWord).join(' ');
  return [nextStep(push), `  then: ${install}`];
}

/** After `push --chart-archive`: install a chart with its own defaults. */
export function afterArchivePush(
  command: CommandUnknownOpts,
  archive: Omit<ChartArchiveStep, 'file'>,
  target: Pick<WrittenArchives, 'plainHttp' | 'namespace'>,
): string[] {
  return [nextStep(installWords(command, archive, { ...target, isConfigured: false }))];
}

function installWords(
  command: CommandUnknownOpts,
  { chart, version, address }: Omit<ChartArchiveStep, 'file'>,
  { isConfigured, plainHttp, namespace }: Pick<WrittenArchives, 'isConfigured' | 'plainHttp' | 'namespace'>,
): string[] {
  const { releaseName = chart } = command.opts();
  const into = namespace === undefined || namespace === '' || namespace === 'default' ? [] : ['--namespace', namespace];
  const files = isConfigured ? ['--values', 'VALUES.yaml'] : givenFlags(command, (flag) => flag === '--values');
  // Defaults that the schema refuses are refused at the install, too.
  const isNeeded = (flag: string): boolean => /^--set(?:-|$)/.test(flag) || flag === '--skip-schema-validation';
  const values = [...files, ...givenFlags(command, isNeeded)];
  const words = ['helm', 'upgrade', '--install', String(releaseName), address, '--version', version];
  return [...words, ...(plainHttp ? ['--plain-http'] : []), ...into, ...values];
}
