import { Command } from 'commander';
import { AirgapError, combine } from '../../base/errors.ts';
import { printableLine } from '../../base/printable.ts';
import { type Finding, isWanted } from '../../lock/finding.ts';
import { insideReport } from '../../ui/inside.ts';
import { droppedReport, imagesReport, networkReport, whatIfReport } from '../../ui/reports.ts';
import type { Confirmation } from '../../workflows/confirm.ts';
import type { ImagesResult } from '../../workflows/images.ts';
import { addChartsFlags, type ChartsFlags, gather } from '../flags/charts.ts';
import { addInsideFlags, type InsideFlags, insideOptions } from '../flags/inside.ts';
import { addLockFileFlags, type LockFileFlags, useLockFile } from '../flags/lock-file.ts';
import { asDocument, outputOption } from '../flags/output.ts';
import { addRegistryFlags, DOWNLOADS, type RegistryFlags, registryAccess } from '../flags/registry.ts';
import { warnUnusedMirrors } from '../flags/unused-mirrors.ts';
import type { Edge } from '../run.ts';
import { addWhyFlags, answerWhy, type WhyFlags } from './images-why.ts';

type Flags = ChartsFlags &
  RegistryFlags &
  LockFileFlags &
  WhyFlags &
  InsideFlags & { network?: true; whatIf?: true; confirm?: true; output: 'table' | 'json' | 'yaml' | 'txt' | 'rules' };

export function imagesCommand(edge: Edge): Command {
  const command = new Command('images')
    .description('list every image that the charts need, and where each was found')
    .argument('[chart...]', 'chart folder, .tgz, oci://…, or a name with --repo')
    .option('--network', 'what the workloads would fetch from the internet besides images, and what turns it off')
    .option('--what-if', 'what optional components would add, each with the value that switches it on')
    .option('--confirm', 'ask the registries for images that are not certain, and leave out what is not there')
    .addOption(outputOption(['table', 'json', 'yaml', 'txt', 'rules'], 'table'));
  addInsideFlags(command);
  addLockFileFlags(addRegistryFlags(edge, addChartsFlags(addWhyFlags(command)), { mirrors: true }));
  return command.action(async (charts: string[], flags: Flags) => {
    const { images } = await import('../../workflows/images.ts');
    const gathered = await gather(edge, charts, flags, flags);
    if (flags.explain === undefined && gathered.charts.length === 0 && gathered.add.length === 0) {
      throw new AirgapError('usage', 'no chart was given', {
        hint: 'helm airgap images CHART, or --config airgap.yaml',
      });
    }
    const inside = await insideOptions(flags, gathered, false);
    if (flags.lock !== undefined || flags.checkLock !== undefined) {
      if (flags.output === 'rules') throw new AirgapError('usage', 'a lock file has no output rules');
      return useLockFile(edge, { ...gathered, ...inside }, flags, flags.output);
    }
    if (flags.why !== undefined || flags.explain !== undefined) {
      return answerWhy(edge, { ...gathered, ...inside }, flags, flags.output);
    }
    const { failures, network, proposed, ...searched } = await images(edge.context, {
      ...gathered,
      ...inside,
      whatIf: flags.whatIf ?? false,
      networkSwitches: flags.network ?? false,
    });
    const confirmation = flags.confirm ? await confirmed(edge, searched.images, gathered.registry) : undefined;
    const found = { ...searched, ...confirmation };
    const result = flags.network ? { ...found, network } : found;
    if (flags.output === 'table') {
      edge.print(imagesReport(found));
      if (confirmation !== undefined) edge.print(`\n${droppedReport(confirmation.dropped)}`);
      if (found.whatIf !== undefined) edge.print(`\n${whatIfReport(found.whatIf)}`);
      if (flags.network) edge.print(`\n${networkReport(network)}`);
      if (found.inside !== undefined) edge.print(`\n${insideReport(found.inside)}`);
    } else if (flags.output === 'rules') {
      const { rulesDocument } = await import('../../ui/proposed-rules.ts');
      edge.print(rulesDocument(proposed ?? []));
    } else if (flags.output === 'txt') edge.print(listed(result, confirmation?.dropped));
    else edge.print(await asDocument('Images', result, flags.output));
    // What was found is of use all the same, but the run has not done what it should.
    if (failures.length === 0) warnUnused(edge, flags, searched);
    else {
      throw combine(
        failures,
        `${failures.length} charts within charts could not be searched; their images are missing`,
      );
    }
  });
}

function warnUnused(
  { context }: Edge,
  flags: Flags,
  { images, charts }: Pick<ImagesResult, 'images' | 'charts'>,
): void {
  const references = images.map(({ reference }) => reference);
  const sources = charts.map(({ source }) => source);
  warnUnusedMirrors(context.emit, flags, references, sources);
}

/** Loads what speaks to registries only for whoever asks them. */
async function confirmed(edge: Edge, found: readonly Finding[], registry: RegistryFlags): Promise<Confirmation> {
  const { confirm } = await import('../../workflows/confirm.ts');
  const access = await registryAccess(registry);
  return confirm(edge.context, found, { access, concurrency: registry.concurrency ?? DOWNLOADS });
}

/** One reference a line, as `--images` reads them; what is only possible, or not there, is commented out. */
function listed(
  { images, inside }: Pick<ImagesResult, 'images' | 'inside'>,
  dropped: Confirmation['dropped'] = [],
): string {
  return [
    ...images.map((image) => (isWanted(image) ? image.reference : `# possible: ${image.reference}`)),
    ...(inside?.found ?? []).map(({ reference, confidence }) => `# inside, ${confidence}: ${reference}`),
    ...dropped.map(({ reference }) => `# not there: ${reference}`),
  ]
    .map(printableLine)
    .join('\n');
}
