import { resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { count } from '../../base/count.ts';
import { AirgapError, combine } from '../../base/errors.ts';
import type { Finding } from '../../inventory/finding.ts';
import { countImages, type ImageCounts } from '../../inventory/image-counts.ts';
import { WRITTEN_FORMATS } from '../../lists/list-format.ts';
import type { Confirmation } from '../../workflows/images/confirm.ts';
import type { ImagesResult } from '../../workflows/images/images.ts';
import { addAllowMissingFlag, addChartsFlags, readRules, warnUnusedMirrors } from '../flags/charts.ts';
import { failOnOption, failsOn } from '../flags/fail-on.ts';
import { addImageStreamFlags } from '../flags/image-streams.ts';
import { addOperatorScanFlags, operatorScanSettings } from '../flags/operator-scan.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { addRegistryFlags, mirrorOption, preferPublicEcrOption, registryAccess } from '../flags/registry.ts';
import { readSettings, type Settings } from '../flags/settings.ts';
import { examples } from '../help.ts';
import { absentReport, imagesReport, networkReport, whatIfReport } from '../reports/images.ts';
import { operatorScanReport } from '../reports/operator-scan.ts';
import { joinReports } from '../reports/report.ts';
import type { CommandIO } from '../run.ts';
import { imageList, isListFormat, listDocument } from './images-list.ts';
import { addWhyFlags, runWhy } from './images-why.ts';
import { addLockFileFlags, runLockFile } from './lock-file.ts';
import { afterImages } from './next-steps.ts';

/** Declares the command and its flags. */
function declare(io: CommandIO) {
  const command = new Command('images')
    .argument('[chart...]', 'chart folder, .tgz file, oci://... reference, or name with --repo')
    .option('--network', 'also list other downloads from the internet by workloads, and the values that disable them')
    .option('--what-if', 'also list images of optional components, with the values that enable them')
    .option('--confirm', 'check uncertain images in their registries, and leave out those that do not exist')
    .addHelpText(
      'after',
      examples('images ./app -f values.yaml', 'images grafana --repo https://charts.example/stable -o json'),
    );
  const output = outputOption(['table', 'json', 'yaml', 'txt', 'rules', ...WRITTEN_FORMATS], 'table');
  const selecting = addImageStreamFlags(
    addAllowMissingFlag(
      addChartsFlags(addOperatorScanFlags(addWhyFlags(command)).addOption(output).addOption(failOnOption())),
    ),
  );
  const pulling = selecting
    .optionsGroup('Registries and TLS:')
    .addOption(mirrorOption())
    .addOption(preferPublicEcrOption());
  return addLockFileFlags(addRegistryFlags(pulling, io));
}

export function imagesCommand(io: CommandIO) {
  return declare(io).action(async (charts, flags, command) => {
    const { images } = await import('../../workflows/images/images.ts');
    const settings = await readSettings(io, charts, flags);
    const rules = await readRules(flags.rules.map((path) => resolve(io.context.cwd, path)));
    const { charts: jobs, manifests, add, running, config } = settings;
    const streams = flags.imageStreams.length + config.imageStreams.length;
    const named = jobs.length + manifests.length + add.length + running.length + streams;
    if (flags.explain === undefined && named === 0) {
      throw new AirgapError('usage', 'no chart was given', {
        hint: 'run helm airgap images CHART, use --kustomize, --manifests, --pods or --image-streams, or --config airgap.yaml',
      });
    }
    const options = { ...settings, rules, operatorScan: await operatorScanSettings(flags, settings, false) };
    if (flags.lock !== undefined || flags.checkLock !== undefined) {
      if (flags.output === 'rules' || isListFormat(flags.output))
        throw new AirgapError('usage', `-o ${flags.output} cannot be used with a lock file`, {
          hint: 'use a separate run without --lock and --check-lock',
        });
      return runLockFile(io, options, flags, flags.output, command);
    }
    if (flags.why !== undefined || flags.explain !== undefined) return runWhy(io, options, flags, flags.output);
    const { failures, network, proposed, ...searched } = await images(io.context, {
      ...options,
      whatIf: flags.whatIf,
      networkSwitches: flags.network,
    });
    const confirmation = flags.confirm ? await confirmCandidates(io, searched.images, settings) : undefined;
    const found =
      confirmation === undefined
        ? searched
        : { ...searched, ...confirmation, counts: countConfirmed(searched.choices, confirmation) };
    const result = flags.network ? { ...found, network } : found;
    if (flags.output === 'table') {
      const reports = [imagesReport(found)];
      if (confirmation !== undefined) reports.push(absentReport(confirmation));
      if (found.whatIf !== undefined) reports.push(whatIfReport(found.whatIf));
      if (flags.network) reports.push(networkReport(network));
      if (found.inside !== undefined) reports.push(operatorScanReport(found.inside));
      // A bundle of these charts would fail too if some could not be searched.
      const next =
        failures.length > 0 || found.images.length === 0
          ? []
          : afterImages(
              command,
              found.charts.filter(({ via }) => via === undefined),
              found.manifests,
            );
      await printReport(io, joinReports(reports), next);
    } else if (flags.output === 'rules') {
      const { rulesDocument } = await import('../reports/proposed-rules.ts');
      io.print(rulesDocument(proposed ?? []));
    } else if (flags.output === 'txt') io.print(imageList(result, confirmation?.missing));
    else if (isListFormat(flags.output)) io.print(await listDocument(flags.output, result, confirmation?.missing));
    else io.print(await formatDocument('Images', result, flags.output));
    if (failsOn(flags, found.notKnown, found.images.length)) io.setExitCode(3);
    // The images found are printed even if the run fails.
    if (failures.length === 0) warnUnused(io, flags, searched);
    else {
      throw combine(
        failures,
        `${count(failures.length, 'nested chart')} could not be searched; their images are missing`,
      );
    }
  });
}

function warnUnused(
  { context }: CommandIO,
  flags: Parameters<typeof warnUnusedMirrors>[1],
  { images, charts }: Pick<ImagesResult, 'images' | 'charts'>,
): void {
  const references = images.map(({ reference }) => reference);
  const sources = charts.map(({ source }) => source);
  warnUnusedMirrors(context.emit, flags, references, sources);
}

function countConfirmed(selections: ImagesResult['choices'], { images, missing }: Confirmation): ImageCounts {
  return countImages({ images, missing, selections });
}

/** Loads the registry client only if it is needed. */
async function confirmCandidates(
  io: CommandIO,
  findings: readonly Finding[],
  { registry, allowMissing }: Settings,
): Promise<Confirmation> {
  const { confirmWithRegistries } = await import('../../workflows/images/confirm.ts');
  return confirmWithRegistries(io.context, findings, await registryAccess(registry), allowMissing);
}
