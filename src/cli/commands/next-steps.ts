import { basename } from 'node:path';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { DEFAULT_NAMING, type Target } from '../../naming/naming.ts';
import { flagsOfCommand, givenArguments, givenFlags } from '../flags/given.ts';
import { airgapCommand, fileWord, nextStep } from '../reports/next.ts';

/** What each command says to type next. Each function returns the lines, and repeats what the user gave for this run. */

/** Flags that say what a run writes and how, which a following run chooses anew. */
export const OUTPUT = ['--out', '--output', '--dry-run', '--force', '--lock', '--check-lock', '--progress', '--quiet'];

/** What kind of registry the target is. */
export const TARGET = ['--registry-type', '--region'];
/** Names of images and charts in the target. */
export const NAMING = ['--naming', '--naming-rule', '--chart-prefix'];

/** Images that stay public. */
export const ON_PURPOSE = ['--exclude', '--include', '--allow-images'];

/** Access to registries and repositories, without the choice of charts and images. */
export const ACCESS = [
  ...['--mirror', '--chart-mirror', '--plain-http', '--ca-file', '--client-cert', '--client-key', '--endpoint-url'],
  ...['--profile', '--role-arn', '--allow-chart-host', '--registry-username', '--registry-password-stdin'],
  '--prefer-public-ecr',
];

/** Returns a test whether a flag is one of these. */
export function among(names: readonly string[]): (flag: string) => boolean {
  return (flag) => names.includes(flag);
}

/** Returns those of the given flags that another command has too. */
export function sharedFlags(command: CommandUnknownOpts, other: string, names: readonly string[]): string[] {
  const isShared = flagsOfCommand(command, other);
  return givenFlags(command, (flag) => isShared.has(flag) && names.includes(flag));
}

/** Returns the words of this run with other flags for its output. */
export function sameRun(command: CommandUnknownOpts, left: readonly string[], ...more: readonly string[]): string[] {
  const flags = givenFlags(command, (flag) => !left.includes(flag));
  return airgapCommand(command.name(), ...givenArguments(command), ...flags, ...more);
}

/** After `images`: bundle the same. @param charts named charts; the bundle gets the name of a single one */
export function afterImages(
  command: CommandUnknownOpts,
  charts: readonly { readonly name: string }[],
  manifests: readonly string[] = [],
): string[] {
  const isShared = flagsOfCommand(command, 'bundle');
  const flags = givenFlags(command, (flag) => isShared.has(flag) && !OUTPUT.includes(flag));
  const names = new Set(charts.map(({ name }) => name));
  const [name] = names;
  const isAlone = names.size === 1 && manifests.length === 0;
  const out = isAlone && name !== undefined ? `${basename(name)}.tar` : 'bundle.tar';
  return [nextStep(airgapCommand('bundle', ...givenArguments(command), ...flags, '--out', fileWord(out)))];
}

/** After a lock file was written, or found up to date: bundle from it. */
export function afterLockFile(command: CommandUnknownOpts, file: string): string[] {
  const flags = sharedFlags(command, 'bundle', ACCESS);
  return [nextStep(airgapCommand('bundle', '--lock', fileWord(file), ...flags, '--out', 'bundle.tar'))];
}

/** After a lock file was found out of date: write it again. */
export function afterDrift(command: CommandUnknownOpts, file: string): string[] {
  return [nextStep(sameRun(command, OUTPUT, '--lock', fileWord(file)), 'review these differences')];
}

/** A bundle that was written, or planned. */
interface WrittenBundle {
  readonly status: string;
  readonly file: string;
  /** Number of parts of a split bundle. */
  readonly parts?: number | undefined;
  /** Images whose tags a push has to replace. */
  readonly overwrites?: readonly string[];
}

/** After `bundle`, or its dry run. */
export function afterBundle(
  command: CommandUnknownOpts,
  { status, file, parts = 0, overwrites = [] }: WrittenBundle,
): string[] {
  if (status === 'planned') return [nextStep(sameRun(command, ['--dry-run', '--output']))];
  const { sign } = command.opts();
  const signer = sign === undefined ? [] : ['--require-signature', 'PUBLIC_KEY'];
  const carried = parts > 1 ? `${file}.parts.json and its ${parts} parts` : file;
  const overwrite = overwrites.length > 0 ? ['--on-existing-tag', 'overwrite'] : [];
  const words = airgapCommand('push', fileWord(file), '--to', 'REGISTRY', ...overwrite, ...signer);
  return [nextStep(words, `carry ${carried} over`)];
}

/** After a bundle was read and is good: push it. @param keys files of the keys that signed it */
export function afterVerify(file: string, keys: readonly string[]): string[] {
  const signers = keys.flatMap((key) => ['--require-signature', key]);
  return [nextStep(airgapCommand('push', fileWord(file), '--to', 'REGISTRY', ...signers))];
}

/** After `sign`: the other side requires this signature too. @param keys files of the keys that signed it before */
export function afterSign(file: string, keys: readonly string[]): string[] {
  return afterVerify(file, [...keys, 'PUBLIC_KEY']);
}

/** After a bundle turned out to be damaged. */
export function afterDamage(file: string): string[] {
  return [nextStep(airgapCommand('verify', fileWord(file)), 'carry the file over again')];
}

/** After content turned out to be missing from a registry. */
export function afterReceipt(target: string, receipt: string, bundle = 'BUNDLE'): string[] {
  return [
    nextStep(
      airgapCommand('push', fileWord(bundle), '--to', target, '--receipt', fileWord(receipt)),
      'find out who changed it',
    ),
  ];
}

/** After `inspect`. */
export function afterInspect(file: string): string[] {
  return [nextStep(airgapCommand('verify', fileWord(file)))];
}

/** After a difference between two bundles was shown: see what the newer one changes in a registry. */
export function afterDiff(older: string, newer: string): string[] {
  if (isInventory(newer)) return [];
  // An exported inventory has no tags to compare.
  const retire = isInventory(older) ? [] : ['--retire', fileWord(older)];
  return [nextStep(airgapCommand('push', fileWord(newer), '--to', 'REGISTRY', ...retire, '--dry-run'))];
}

/** Tells an exported inventory from a bundle, and from the index of a bundle in parts, by its name. */
function isInventory(file: string): boolean {
  return file.endsWith('.json') && !file.endsWith('.parts.json');
}

/** After an image or a chart was extracted. */
export function afterExtract(type: 'chart' | 'image', file: string): string[] {
  return [nextStep(type === 'chart' ? ['helm', 'show', 'chart', fileWord(file)] : ['podman', 'load', '-i', file])];
}

/** After a dry run of `push` or `mirror`. @param first what to do before */
export function afterPushPlan(command: CommandUnknownOpts, first = ''): string[] {
  return [nextStep(sameRun(command, ['--dry-run', '--output']), first)];
}

/** What a push has done, as far as the overrides need it. */
interface Pushed {
  /** `REGISTRY[/PREFIX]`. */
  readonly to: string;
  readonly target: Pick<Target, 'naming' | 'rules' | 'chartPrefix'>;
  readonly charts: readonly string[];
  /** The configuration file names charts. */
  readonly isConfigured: boolean;
}

/** After `push`: write the overrides of the pushed charts, with the same names in the target. */
export function afterPush(command: CommandUnknownOpts, { to, target, charts, isConfigured }: Pushed): string[] {
  const [file = '', ...others] = givenArguments(command);
  const bundle = ['--bundle', others.length > 0 ? 'BUNDLE' : file];
  const access = sharedFlags(command, 'values', [...ACCESS, ...TARGET, '--require-signature']);
  const { config } = command.opts();
  const [name = 'CHART'] = charts;
  if (isConfigured && config !== undefined) {
    const flags = [...givenFlags(command, among(['--var', ...NAMING])), ...access];
    const words = ['--config', fileWord(String(config)), ...bundle, '--to', to, ...flags, '--out-dir', 'overrides'];
    return [nextStep(airgapCommand('values', ...words))];
  }
  const selection = charts.length > 1 ? ['--all', ...bundle] : charts.length === 1 ? [name, ...bundle] : [name];
  const out = charts.length > 1 ? ['--out-dir', 'overrides'] : ['--out', 'overrides.yaml'];
  return [nextStep(airgapCommand('values', ...selection, '--to', to, ...namingWords(target), ...access, ...out))];
}

/** After `mirror --list`: copy the same. @param hasTarget by flag or configuration file */
export function afterListing(command: CommandUnknownOpts, hasTarget: boolean): string[] {
  return [nextStep(sameRun(command, ['--list', '--output'], ...(hasTarget ? [] : ['--to', 'REGISTRY'])))];
}

/** After `mirror`: write the overrides of a copied chart. Lists of images need none. */
export function afterMirror(command: CommandUnknownOpts, charts: readonly string[]): string[] {
  const [chart, ...others] = charts;
  const { to } = command.opts() as { readonly to: readonly string[] };
  const [target, ...otherTargets] = to;
  if (chart === undefined || target === undefined || others.length + otherTargets.length > 0) return [];
  const isShared = flagsOfCommand(command, 'values');
  const flags = givenFlags(command, (flag) => isShared.has(flag) && !OUTPUT.includes(flag) && flag !== '--to');
  return [nextStep(airgapCommand('values', chart, '--to', target, ...flags, '--out', 'overrides.yaml'))];
}

/** Returns the flags of `values` for a naming, wherever it is from. */
export function namingWords({ naming, rules = [], chartPrefix }: Pushed['target']): string[] {
  return [
    ...(naming === DEFAULT_NAMING ? [] : ['--naming', naming]),
    ...rules.flatMap(({ match, to }) => ['--naming-rule', `${match}=${to}`]),
    ...(chartPrefix === undefined ? [] : ['--chart-prefix', chartPrefix]),
  ];
}
