import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import { pathInside } from '../../base/file-names.ts';
import { isPlainHttp } from '../../base/host-spellings.ts';
import { checkReplaceable, makeFolder, writeOutput } from '../../base/output-file.ts';
import { SECRET_FILE } from '../../base/own-file.ts';
import type { GeneratedFile } from '../../overrides/formats/format.ts';
import type { ValuesOptions } from '../../workflows/values/values.ts';
import { formatDocument } from '../flags/output.ts';
import type { FormatFlags } from '../flags/overrides.ts';
import { displayPath } from '../reports/text.ts';
import { formatReport, proofReport, umbrellaReport } from '../reports/values.ts';
import type { CommandIO } from '../run.ts';
import { OverridesFiles } from './values-files.ts';

/** Flags for the output of a format. */
interface FormatOutput extends FormatFlags {
  readonly plainHttp: readonly string[];
  readonly output: 'yaml' | 'json';
}

/** Files of a format, and the references that they do not cover. */
interface FormattedOutput {
  readonly files: readonly GeneratedFile[];
  readonly left: readonly string[];
  /** True if references are unmapped or not in the bundle. */
  readonly isIncomplete: boolean;
  /** True if the files contain values copied whole from the user's values. */
  readonly mayHoldSecrets?: boolean;
}

/**
 * Writes overrides in a format other than values files.
 * @throws AirgapError errors of the workflow
 */
export async function writeFormat(io: CommandIO, options: ValuesOptions, flags: FormatOutput): Promise<void> {
  const { cwd } = io.context;
  const { files, left, isIncomplete, mayHoldSecrets } = await formatOverrides(io, options, flags);
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
  if (output === 'json') io.print(await formatDocument('FormattedOverrides', { format, files, left }, 'json'));
  else if (outDir === undefined && out === undefined) io.print(joined);
  if (isIncomplete || left.length > 0) io.setExitCode(3);
}

async function formatOverrides(io: CommandIO, options: ValuesOptions, flags: FormatOutput): Promise<FormattedOutput> {
  const { context } = io;
  const { format, ecrAuth } = flags;
  const plainHttp = isPlainHttp(options.target.registry, flags.plainHttp);
  if (format === 'aggregate') {
    const { umbrellaValues } = await import('../../workflows/values/umbrella-chart.ts');
    const results = await umbrellaValues(context, { ...options, ecrAuth });
    for (const result of results) io.info(umbrellaReport(result, options.jobs !== undefined));
    const names = new OverridesFiles({ outDir: '.' }, context.cwd);
    names.expect(results);
    const fileNameOf = ({ chart, version, profile }: (typeof results)[number]): string =>
      basename(names.overrides(chart, version, profile) ?? '');
    return {
      files: results.map((result) => ({ path: fileNameOf(result), text: result.yaml })),
      left: results.flatMap((result) => result.left),
      isIncomplete: results.some(
        ({ proofs, notInBundle }) => notInBundle.length > 0 || proofs.some(({ proof }) => proof.residue.length > 0),
      ),
      mayHoldSecrets: results.some(({ copied }) => copied.length > 0),
    };
  }
  if (format === 'argocd' || format === 'flux') {
    const { formatDelivery } = await import('../../workflows/values/format-delivery.ts');
    const from = flags.from === undefined ? {} : { from: await readManifest(resolve(context.cwd, flags.from)) };
    const namespace = context.env.HELM_NAMESPACE || 'default';
    const results = await formatDelivery(context, format, { ...options, ...from, namespace, plainHttp });
    for (const { overrides } of results) io.info(proofReport(overrides));
    return {
      files: results.flatMap(({ formatted }) => formatted.files),
      left: results.flatMap(({ formatted }) => formatted.left),
      isIncomplete: results.some(
        ({ overrides: { proof, notInBundle } }) => proof.residue.length + notInBundle.length > 0,
      ),
      mayHoldSecrets: results.some(({ overrides }) => overrides.copied.length > 0),
    };
  }
  if (format === 'values') throw new AirgapError('usage', '--format values is not handled here');
  const { formatReferences } = await import('../../workflows/values/format-references.ts');
  const result = await formatReferences(context, format, { ...options, plainHttp });
  io.info(formatReport(result));
  return { ...result, isIncomplete: false };
}

async function readManifest(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new AirgapError('usage', `--from ${path} cannot be read: ${reasonOf(cause)}`, {
      hint: 'give the manifest of an Application or HelmRelease',
      cause,
    });
  });
}

/** First line of the files that this command writes, except maps of references. */
const OURS = /^# (?:Overrides for chart |Images of |\S+\/hosts\.toml: images of )/;

/** @param sourceManifest manifest of `--from`, which may be overwritten */
async function checkFile(file: string, text: string, sourceManifest: string | undefined): Promise<void> {
  const isOurs = async (content: Buffer): Promise<boolean> => {
    const existing = content.toString();
    if (file === sourceManifest || existing === text || OURS.test(existing)) return true;
    return (await import('../../overrides/formats/image-map.ts')).isImageMap(existing);
  };
  await checkReplaceable(file, { isOurs, what: 'file that this command wrote' });
}
