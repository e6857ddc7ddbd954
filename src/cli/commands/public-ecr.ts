import { resolve } from 'node:path';
import { Command, Option } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import type { PublicEcrResult } from '../../inventory/public-ecr.ts';
import type { ChartJob } from '../../search/search-charts.ts';
import type { PublicEcrOptions } from '../../workflows/public-ecr/public-ecr.ts';
import type { PublicEcrWriting } from '../../workflows/public-ecr/writing/write.ts';
import { addChartsFlags, readRules, warnUnusedMirrors } from '../flags/charts.ts';
import { collect, type FlagsOf } from '../flags/option.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { addRegistryFlags, mirrorOption, registryAccess } from '../flags/registry.ts';
import { readSettings, type Settings } from '../flags/settings.ts';
import { examples } from '../help.ts';
import { publicEcrReport } from '../reports/public-ecr.ts';
import { publicEcrMarkdown } from '../reports/public-ecr-markdown.ts';
import { publicEcrWriteDocument, publicEcrWriteReport } from '../reports/public-ecr-write.ts';
import type { CommandIO } from '../run.ts';
import { afterPublicEcr } from './after-public-ecr.ts';
import { addWriteFlags, checkWriteFlags, writeEquivalents } from './public-ecr-write.ts';

/** Declares the command and its flags. */
function declare(io: CommandIO) {
  const command = new Command('public-ecr')
    .argument('[chart...]', 'chart folder, .tgz file, oci://... reference, or name with --repo')
    .addOption(
      new Option(
        '--values-files <glob...>',
        "read these values files, with the chart beside each, as in 'charts/*/values.yaml'; ** matches any folders (repeatable)",
      )
        .argParser(collect)
        .default<string[]>([], ''),
    )
    .option('--offline', 'ask no registry: equivalents are known by rule only, and unconfirmed')
    .addOption(outputOption(['table', 'json', 'yaml', 'markdown'], 'table'))
    .addHelpText(
      'after',
      examples(
        'public-ecr ./app -f values.yaml',
        "public-ecr --values-files 'charts/*/values.yaml' -o markdown",
        'public-ecr ./app --write --bump patch',
      ),
    );
  const pulling = addChartsFlags(addWriteFlags(command)).optionsGroup('Registries and TLS:').addOption(mirrorOption());
  return addRegistryFlags(pulling, io);
}

type Flags = FlagsOf<typeof declare>;

/** Requests at the same time, unless `--concurrency` says otherwise. */
const CONCURRENCY = 6;

export function publicEcrCommand(io: CommandIO) {
  return declare(io).action(async (charts, flags, command) => {
    checkWriteFlags(flags);
    const { publicEcr } = await import('../../workflows/public-ecr/public-ecr.ts');
    const options = await publicEcrOptions(io, charts, flags);
    const result = await publicEcr(io.context, options);
    warnUnused(io, flags, result);
    if (flags.write) return printWriting(io, result, await writeEquivalents(io, result, options, flags), flags.output);
    if (flags.output === 'json' || flags.output === 'yaml')
      io.print(await formatDocument('PublicEcr', result, flags.output));
    else if (flags.output === 'markdown') io.print(publicEcrMarkdown(result, io.context.cwd));
    else await printReport(io, publicEcrReport(result, io.context.cwd), afterPublicEcr(command, countsOf(result)));
  });
}

/** Prints the diff, and what was left. */
async function printWriting(
  io: CommandIO,
  result: PublicEcrResult,
  writing: PublicEcrWriting,
  format: Flags['output'],
): Promise<void> {
  if (format === 'json' || format === 'yaml') {
    io.print(await formatDocument('PublicEcr', { ...result, writing: publicEcrWriteDocument(writing) }, format));
    return;
  }
  if (writing.diff !== '') io.print(writing.diff.slice(0, -1));
  await printReport(io, publicEcrWriteReport(writing, io.context.cwd));
}

function warnUnused({ context }: CommandIO, flags: Flags, { images, charts }: PublicEcrResult): void {
  const names = images.flatMap(({ reference, equivalent = [] }) => [reference, equivalent].flat());
  warnUnusedMirrors(
    context.emit,
    flags,
    names,
    charts.map(({ source }) => source),
  );
}

/** Images that can be changed in files, and those for which only a private registry is left. */
function countsOf({ images }: PublicEcrResult): { readonly editable: number; readonly elsewhere: number } {
  const isEditable = (image: PublicEcrResult['images'][number]): boolean =>
    image.places.some(({ parts }) => parts.some(({ replacement, text }) => (replacement ?? text) !== text));
  return {
    editable: images.filter(isEditable).length,
    elsewhere: images.filter(({ class: found }) => found === 'none' || found === 'retired').length,
  };
}

/**
 * Maps flags and settings to the options of the workflow.
 * @throws AirgapError `usage`, `config`
 */
async function publicEcrOptions(io: CommandIO, charts: readonly string[], flags: Flags): Promise<PublicEcrOptions> {
  const { cwd } = io.context;
  const { expandGlobs } = await import('../../workflows/public-ecr/values-globs.ts');
  const globbed = await expandGlobs(flags.valuesFiles, cwd);
  const folders = [...new Set(globbed.flatMap(({ chartFolder = [] }) => chartFolder))];
  const settings = await readSettings(io, [...charts, ...folders], flags);
  const { charts: named, manifests, add, running } = settings;
  if (named.length + manifests.length + add.length + running.length + globbed.length === 0) {
    throw new AirgapError('usage', 'no chart and no values file was given', {
      hint: "run helm airgap public-ecr CHART, or use --values-files 'charts/*/values.yaml'",
    });
  }
  const rules = await readRules(flags.rules.map((path) => resolve(cwd, path)));
  const jobs = settings.charts.map((job, i) => {
    const folder = i < charts.length ? undefined : folders[i - charts.length];
    return folder === undefined ? job : withProfiles(job, folder, globbed, settings);
  });
  return {
    ...settings,
    rules,
    charts: jobs,
    files: globbed.flatMap(({ path, chartFolder }) => (chartFolder === undefined ? [path] : [])),
    registries: flags.offline ? undefined : await registryAccess(settings.registry, CONCURRENCY),
  };
}

/** Renders a chart with its own values, and with each other values file that was found beside it. */
function withProfiles(
  job: ChartJob,
  folder: string,
  globbed: readonly { readonly path: string; readonly chartFolder?: string }[],
  { render }: Settings,
): ChartJob {
  const own = resolve(folder, 'values.yaml');
  const profiles = globbed
    .filter(({ chartFolder }) => chartFolder === folder)
    .map(({ path }) =>
      path === own
        ? { name: 'default', options: render }
        : { name: path.slice(folder.length + 1), options: { ...render, values: [...(render.values ?? []), path] } },
    );
  return { ...job, profiles };
}
