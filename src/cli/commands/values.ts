import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { AirgapError } from '../../base/errors.ts';
import { writeOutput } from '../../base/output-file.ts';
import { type Naming, parseTarget } from '../../oci/naming.ts';
import { proofReport } from '../../ui/reports.ts';
import type { Overrides } from '../../workflows/values.ts';
import { asDocument, outputOption } from '../flags/output.ts';
import { accessFlags, addRenderFlags, chartRequest, type RenderFlags, renderOptions, repeat } from '../flags/render.ts';
import { readRules, rulesOption } from '../flags/rules.ts';
import type { Edge } from '../run.ts';
import { namingOption } from './push.ts';

type Flags = RenderFlags & {
  bundle?: string;
  to: string;
  naming: Naming;
  all?: true;
  outDir?: string;
  caFile?: string;
  plainHttp: string[];
  rules: string[];
  output: 'yaml' | 'json';
};

export function valuesCommand(edge: Edge): Command {
  const command = new Command('values')
    .description("write the values that make a chart use the private registry's images, proved by rendering")
    .argument('[chart]', 'with --bundle the name of a chart in it; else folder, .tgz, oci://…, or a name with --repo')
    .option('--bundle <file>', 'the bundle that holds the chart')
    .requiredOption('--to <registry[/prefix]>', 'where push sent the images')
    .addOption(namingOption())
    .option('--all', 'every chart of the bundle')
    .option('--out-dir <folder>', 'with --all: one <chart>.yaml for each')
    .option('--ca-file <file>', 'certificate authorities to trust for the chart repository (PEM)')
    .addOption(
      new Option('--plain-http <host[:port]>', 'a chart registry that speaks HTTP without TLS (repeatable)')
        .argParser(repeat)
        .default([], ''),
    )
    .addOption(rulesOption())
    .addOption(outputOption(['yaml', 'json'], 'yaml'));
  addRenderFlags(command);
  return command.action(async (chart: string | undefined, flags: Flags) => {
    const { values } = await import('../../workflows/values.ts');
    if ((chart === undefined) !== (flags.all === true)) {
      throw new AirgapError('usage', 'give one chart, or --all with --bundle', {
        hint: 'helm airgap inspect BUNDLE lists the charts of a bundle',
      });
    }
    if (flags.all && flags.outDir === undefined) {
      throw new AirgapError('usage', '--all writes one file for each chart', { hint: 'say where with --out-dir' });
    }
    const access = accessFlags(flags, flags.caFile, chart ?? '', flags.plainHttp);
    const results = await values(edge.context, {
      request: chart === undefined ? undefined : chartRequest(chart, flags, access),
      bundle: flags.bundle,
      target: parseTarget(flags.to, flags.naming),
      render: renderOptions(flags),
      rules: await readRules(flags.rules),
    });
    for (const result of results) edge.tell(proofReport(result));
    if (flags.outDir !== undefined) await writeAll(results, flags.outDir, edge);
    else for (const result of results) edge.print(flags.output === 'json' ? await asJson(result) : result.yaml);
    if (results.some(({ proof, notInBundle }) => proof.residue.length > 0 || notInBundle.length > 0)) edge.answer(3);
  });
}

function asJson({ chart, version, profile, overrides, proof, notInBundle }: Overrides): Promise<string> {
  const missing = notInBundle.length === 0 ? {} : { notInBundle };
  return asDocument('Overrides', { chart, version, profile, overrides, proof, ...missing }, 'json');
}

async function writeAll(results: readonly Overrides[], folder: string, edge: Edge): Promise<void> {
  await mkdir(folder, { recursive: true });
  const names = new Set<string>();
  for (const { chart, version, yaml } of results) {
    const name = names.has(chart) ? `${chart}-${version}` : chart;
    names.add(name);
    const path = join(folder, `${name}.yaml`);
    const there = await readFile(path, 'utf8').catch(() => undefined);
    if (there !== undefined && !there.startsWith('# Overrides for chart ')) {
      throw new AirgapError('output-exists', `${path} is there already, and is no file of overrides`, {
        hint: 'choose another folder with --out-dir',
      });
    }
    await writeOutput(path, yaml);
    edge.tell(`${path} written`);
  }
}
