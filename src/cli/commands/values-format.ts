import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { AirgapError, messageOf } from '../../base/errors.ts';
import { pathInside } from '../../base/file-names.ts';
import { checkReplaceable, makeFolder, writeOutput } from '../../base/output-file.ts';
import { SECRET_FILE } from '../../base/own-file.ts';
import type { FormattedFile } from '../../overrides/formats/format.ts';
import { aggregateReport, formatReport } from '../../ui/format-reports.ts';
import { proofReport } from '../../ui/reports.ts';
import { fileText } from '../../ui/text.ts';
import type { ValuesOptions } from '../../workflows/values.ts';
import type { FormatFlags } from '../flags/format.ts';
import { asDocument } from '../flags/output.ts';
import { OverridesFiles } from '../flags/residue.ts';
import type { Edge } from '../run.ts';

/** Flags for the output of a format. */
export interface FormatOutput extends FormatFlags {
  out?: string;
  outDir?: string;
  plainHttp: string[];
  output: 'yaml' | 'json';
}

/** Files of a format, and the references that they do not cover. */
interface Written {
  readonly files: readonly FormattedFile[];
  readonly left: readonly string[];
  /** True if references are unmapped or not in the bundle. */
  readonly isShort: boolean;
  /** True if the files contain values copied whole from the user's values. */
  readonly isSecret?: boolean;
}

/**
 * Writes overrides in a format other than values files.
 * @throws AirgapError errors of the workflow
 */
export async function writeFormat(edge: Edge, options: ValuesOptions, flags: FormatOutput): Promise<void> {
  const { cwd } = edge.context;
  const { files, left, isShort, isSecret } = await made(edge, options, flags);
  const { outDir, out, output, format } = flags;
  const own = flags.from === undefined ? undefined : resolve(cwd, flags.from);
  // YAML documents are separated by ---, other files by an empty line.
  const whole = files.map(({ text }) => text).join(files.every(({ path }) => /\.ya?ml$/.test(path)) ? '---\n' : '\n');
  const outputs =
    outDir !== undefined
      ? files.map(({ path, text }) => ({ file: pathInside(resolve(cwd, outDir), path), text }))
      : out === undefined
        ? []
        : [{ file: resolve(cwd, out), text: whole }];
  for (const { file, text } of outputs) await check(file, text, own);
  for (const { file, text } of outputs) {
    await makeFolder(dirname(file));
    await writeOutput(file, text, isSecret ? SECRET_FILE : undefined);
    const line = `${fileText(file, cwd)} written`;
    if (output === 'json') edge.tell(line);
    else edge.print(line);
  }
  if (output === 'json') edge.print(await asDocument('FormattedOverrides', { format, files, left }, 'json'));
  else if (outDir === undefined && out === undefined) edge.print(whole);
  if (isShort || left.length > 0) edge.answer(3);
}

async function made(edge: Edge, options: ValuesOptions, flags: FormatOutput): Promise<Written> {
  const { context } = edge;
  const { format, ecrAuth } = flags;
  const plainHttp = flags.plainHttp.includes(options.target.registry);
  if (format === 'aggregate') {
    const { aggregate } = await import('../../workflows/aggregate.ts');
    const results = await aggregate(context, { ...options, ecrAuth });
    for (const result of results) edge.tell(aggregateReport(result, options.jobs !== undefined));
    const names = new OverridesFiles({ outDir: '.' }, context.cwd);
    names.expect(results);
    const nameOf = (one: (typeof results)[number]): string =>
      basename(names.overrides(one.chart, one.version, one.profile) ?? '');
    return {
      files: results.map((result) => ({ path: nameOf(result), text: result.yaml })),
      left: results.flatMap((result) => result.left),
      isShort: results.some(
        ({ parts, notInBundle }) => notInBundle.length > 0 || parts.some(({ proof }) => proof.residue.length > 0),
      ),
      isSecret: results.some(({ copied }) => copied.length > 0),
    };
  }
  if (format === 'argocd' || format === 'flux') {
    const { formatDelivery } = await import('../../workflows/format-delivery.ts');
    const from = flags.from === undefined ? {} : { from: await manifest(resolve(context.cwd, flags.from)) };
    const namespace = context.env.HELM_NAMESPACE || 'default';
    const results = await formatDelivery(context, format, { ...options, ...from, namespace, plainHttp });
    for (const { overrides } of results) edge.tell(proofReport(overrides));
    return {
      files: results.flatMap(({ formatted }) => formatted.files),
      left: results.flatMap(({ formatted }) => formatted.left),
      isShort: results.some(({ overrides: { proof, notInBundle } }) => proof.residue.length + notInBundle.length > 0),
      isSecret: results.some(({ overrides }) => overrides.copied.length > 0),
    };
  }
  if (format === 'values') throw new AirgapError('usage', '--format values is not handled here');
  const { formatReferences } = await import('../../workflows/format-references.ts');
  const result = await formatReferences(context, format, { ...options, plainHttp });
  edge.tell(formatReport(result));
  return { ...result, isShort: false };
}

async function manifest(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new AirgapError('usage', `--from ${path} cannot be read: ${messageOf(cause)}`, {
      hint: 'give the manifest of an Application or HelmRelease',
      cause,
    });
  });
}

/** First line of the files that this command writes, except maps of references. */
const OURS = /^# (?:Overrides for chart |Images of |\S+\/hosts\.toml: images of )/;

/** @param own manifest of `--from`, which may be overwritten */
async function check(file: string, text: string, own: string | undefined): Promise<void> {
  const isOurs = async (content: Buffer): Promise<boolean> => {
    const there = content.toString();
    if (file === own || there === text || OURS.test(there)) return true;
    return (await import('../../overrides/formats/map.ts')).isMap(there);
  };
  await checkReplaceable(file, { isOurs, what: 'file that this command wrote' });
}
