import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import { pathInside } from '../../base/file-names.ts';
import { isPlainHttp } from '../../base/host-spellings.ts';
import { checkReplaceable, makeFolder, writeOutput } from '../../base/output-file.ts';
import { SECRET_FILE } from '../../base/own-file.ts';
import type { NotKnown } from '../../inventory/state.ts';
import { chartRepository } from '../../naming/naming.ts';
import { formatRepository } from '../../oci/reference.ts';
import type { GeneratedFile } from '../../overrides/formats/index.ts';
import { isIncomplete as isIncompleteChart } from '../../workflows/values/bundle-coverage.ts';
import type { FormatResult } from '../../workflows/values/format-references.ts';
import type { UmbrellaOverrides } from '../../workflows/values/umbrella-chart.ts';
import type { Overrides, ValuesOptions } from '../../workflows/values/values.ts';
import { type FailOnFlag, failsOn } from '../flags/fail-on.ts';
import { formatDocument } from '../flags/output.ts';
import { type FormatFlags, isFormatOf } from '../flags/overrides.ts';
import { displayPath } from '../reports/text.ts';
import { formatReport, proofReport, umbrellaReport } from '../reports/values.ts';
import type { CommandIO } from '../run.ts';
import { afterFormat, afterLeft, afterValues } from './after-values.ts';
import { OverridesFiles } from './values-files.ts';
import { updateFiles } from './values-update.ts';

/** Flags for the output of a format. */
interface FormatOutput extends FormatFlags, FailOnFlag {
  readonly plainHttp: readonly string[];
  readonly output: 'yaml' | 'json';
}

/** Files of a format, and the references that they do not cover. */
interface FormattedOutput {
  readonly files: readonly GeneratedFile[];
  readonly left: readonly string[];
  /** Images that stay public on purpose, for formats without a proof. */
  readonly allowed?: FormatResult['allowed'];
  /** Number of references, private or not. */
  readonly references: number;
  /** What was not understood. */
  readonly notKnown: readonly NotKnown[];
  /** True if references are unmapped or not in the bundle. */
  readonly isIncomplete: boolean;
  /** True if the files contain values copied whole from the user's values. */
  readonly mayHoldSecrets?: boolean;
  /** Chart whose values file these are. */
  readonly umbrella?: { readonly chart: string; readonly version: string } | undefined;
}

/**
 * Writes overrides in a format other than values files, and returns the next step.
 * @throws AirgapError errors of the workflow
 */
export async function writeFormat(
  io: CommandIO,
  options: ValuesOptions,
  flags: FormatOutput,
  command: CommandUnknownOpts,
): Promise<readonly string[]> {
  const { cwd } = io.context;
  const { update } = flags;
  if (update !== undefined) return updateFiles(io, options, { ...flags, update }, command);
  const {
    files,
    left,
    isIncomplete,
    mayHoldSecrets,
    umbrella,
    allowed = [],
    notKnown,
    references,
  } = await formatOverrides(io, options, flags);
  const { outDir, out, output, format } = flags;
  const sourceManifest = flags.from === undefined ? undefined : resolve(cwd, flags.from);
  // YAML documents are separated by ---, other files by an empty line.
  const joined = files.map(({ text }) => text).join(files.every(({ path }) => /\.ya?ml$/.test(path)) ? '---\n' : '\n');
  const outputs =
    outDir !== undefined
      ? files.map(({ path, text }) => ({ file: pathInside(resolve(cwd, outDir), path), text }))
      : out === undefined
        ? []
        : [{ file: resolve(cwd, out), text: joined }];
  for (const { file, text } of outputs) await checkFile(file, text, sourceManifest);
  for (const { file, text } of outputs) {
    await makeFolder(dirname(file));
    await writeOutput(file, text, mayHoldSecrets ? SECRET_FILE : undefined);
    const line = `${displayPath(file, cwd)} written`;
    if (output === 'json') io.info(line);
    else io.print(line);
  }
  if (output === 'json')
    io.print(
      await formatDocument(
        'FormattedOverrides',
        { format, files, left, ...(allowed.length > 0 && { allowed }), ...(notKnown.length > 0 && { notKnown }) },
        'json',
      ),
    );
  else if (outDir === undefined && out === undefined) io.print(joined);
  if (failsOn(flags, notKnown, references)) io.setExitCode(3);
  if (isIncomplete || left.length > 0) {
    io.setExitCode(3);
    // What is not covered for nodes and policies, no other format covers.
    return isFormatOf(format, 'nodes', 'policy') ? [] : afterLeft(command);
  }
  const [first] = outputs;
  const written = first && displayPath(first.file, cwd);
  const file = outputs.length === 1 && format !== 'containerd' ? written : (outDir ?? written);
  const install = (): readonly string[] => {
    if (umbrella === undefined) return [];
    const from = installedFrom(options, umbrella.chart, flags, io.context.env);
    return afterValues(command, { ...umbrella, file: written, map: undefined, changedChart: undefined, ...from });
  };
  return afterFormat(format, file, install);
}

/** Returns where `push` puts a chart; a placeholder for a name that no repository can have. */
function chartAddress(target: ValuesOptions['target'], chart: string): string {
  try {
    return `oci://${formatRepository(chartRepository(target, chart))}`;
  } catch {
    return 'CHART';
  }
}

/** Returns from where an installation takes a chart and its values. */
export function installedFrom(
  { bundle, target, jobs = [] }: ValuesOptions,
  chart: string,
  { plainHttp }: Pick<FormatOutput, 'plainHttp'>,
  { HELM_NAMESPACE: namespace }: CommandIO['context']['env'],
): Pick<Parameters<typeof afterValues>[1], 'pushed' | 'plainHttp' | 'isConfigured' | 'namespace'> {
  const profiles = jobs.flatMap((job) => job.profiles);
  return {
    pushed: bundle === undefined ? undefined : chartAddress(target, chart),
    plainHttp: isPlainHttp(target.registry, plainHttp),
    isConfigured: profiles.some(({ options }) => (options.values ?? []).length > 0),
    namespace: namespace === 'default' ? undefined : namespace || undefined,
  };
}

async function formatOverrides(io: CommandIO, options: ValuesOptions, flags: FormatOutput): Promise<FormattedOutput> {
  const { context } = io;
  const { format, ecrAuth } = flags;
  const plainHttp = isPlainHttp(options.target.registry, flags.plainHttp);
  if (isFormatOf(format, 'umbrella')) {
    const { umbrellaValues } = await import('../../workflows/values/umbrella-chart.ts');
    const results = await umbrellaValues(context, { ...options, ecrAuth });
    const isBad = ({ proofs, notInBundle }: UmbrellaOverrides): boolean =>
      proofs.some(({ proof }) => isIncompleteChart({ proof, notInBundle }));
    for (const result of results) {
      const isNeeded = isBad(result) || result.left.length > 0;
      io.info(umbrellaReport(result, options.jobs !== undefined), isNeeded);
    }
    const names = new OverridesFiles({ outDir: '.' }, context.cwd);
    names.expect(results);
    const fileNameOf = ({ chart, version, profile }: (typeof results)[number]): string =>
      basename(names.overrides(chart, version, profile) ?? '');
    return {
      files: results.map((result) => ({ path: fileNameOf(result), text: result.yaml })),
      left: results.flatMap((result) => result.left),
      references: sum(results.flatMap(({ proofs }) => proofs)),
      notKnown: results.flatMap(({ proofs }) => proofs.flatMap(({ proof }) => proof.notKnown ?? [])),
      isIncomplete: results.some(isBad),
      mayHoldSecrets: results.some(({ copied }) => copied.length > 0),
      umbrella: results[0],
    };
  }
  if (isFormatOf(format, 'delivery')) {
    const { formatDelivery } = await import('../../workflows/values/format-delivery.ts');
    const from = flags.from === undefined ? {} : { from: await readManifest(resolve(context.cwd, flags.from)) };
    const namespace = context.env.HELM_NAMESPACE || 'default';
    const results = await formatDelivery(context, format, { ...options, ...from, namespace, plainHttp });
    for (const { overrides, formatted } of results)
      io.info(proofReport(overrides), isIncompleteChart(overrides) || formatted.left.length > 0);
    return {
      files: results.flatMap(({ formatted }) => formatted.files),
      left: results.flatMap(({ formatted }) => formatted.left),
      references: sum(results.map(({ overrides }) => overrides)),
      notKnown: results.flatMap(({ overrides }) => overrides.proof.notKnown ?? []),
      isIncomplete: results.some(({ overrides }) => isIncompleteChart(overrides)),
      mayHoldSecrets: results.some(({ overrides }) => overrides.copied.length > 0),
    };
  }
  if (isFormatOf(format, 'policy')) {
    const { bundle, target, signers, signatures: policy } = options;
    if (bundle === undefined || policy === undefined)
      throw new AirgapError('usage', `--format ${format} needs a bundle and the required signatures`);
    const { formatPolicies } = await import('../../workflows/values/format-policies.ts');
    const result = await formatPolicies(context, format, { bundle, target, signers, policy, plainHttp });
    io.info(formatReport(result), result.left.length > 0);
    return { ...result, isIncomplete: false };
  }
  if (isFormatOf(format, 'values')) throw new AirgapError('usage', `--format ${format} is not handled here`);
  const { formatReferences } = await import('../../workflows/values/format-references.ts');
  const result = await formatReferences(context, format, { ...options, plainHttp });
  io.info(formatReport(result), result.left.length > 0);
  return { ...result, isIncomplete: false };
}

function sum(proved: readonly Pick<Overrides, 'proof'>[]): number {
  return proved.reduce((total, { proof }) => total + proof.references, 0);
}

async function readManifest(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new AirgapError('usage', `--from ${path} cannot be read: ${reasonOf(cause)}`, {
      hint: 'give the manifest of an Application or HelmRelease',
      cause,
    });
  });
}

/** @param sourceManifest manifest of `--from`, which may be overwritten */
async function checkFile(file: string, text: string, sourceManifest: string | undefined): Promise<void> {
  const isOurs = async (content: Buffer): Promise<boolean> => {
    const existing = content.toString();
    if (file === sourceManifest || existing === text) return true;
    const { isOverridesFile } = await import('../../overrides/index.ts');
    const { isGeneratedFile } = await import('../../overrides/formats/index.ts');
    return isOverridesFile(existing) || isGeneratedFile(existing);
  };
  await checkReplaceable(file, { isOurs, what: 'file that this command wrote' });
}
