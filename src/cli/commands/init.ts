import { dirname, join, resolve } from 'node:path';
import { Command, Option } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import { checkName } from '../../base/names.ts';
import { checkFolder, checkNewOutput, makeFolder } from '../../base/output-file.ts';
import { relativePath } from '../../base/relative-path.ts';
import type { InitChart, InitOptions } from '../../workflows/init/init.ts';
import { chartAccessOf } from '../flags/chart-jobs.ts';
import { chartLogin } from '../flags/login.ts';
import { type FlagsOf, repeatable } from '../flags/option.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { addTrustFlags, clientCertificatesOf, helmCertificates } from '../flags/registry.ts';
import { examples } from '../help.ts';
import { initDocument, initReport } from '../reports/init.ts';
import { airgapCommand, fileWord, nextStep } from '../reports/next.ts';
import { displayPath } from '../reports/text.ts';
import type { CommandIO } from '../run.ts';

function declare() {
  const command = new Command('init')
    .argument('[chart...]', 'chart folder, .tgz, oci://..., or a name in --repo')
    .option('--out <file>', 'file to write; an existing one is never overwritten', 'airgap.yaml')
    .option('--no-schema', 'do not write airgap.schema.json beside it, by which editors explain the keys')
    .addOption(outputOption(['text', 'json'], 'text'))
    .optionsGroup('Chart:')
    .option('--repo <url>', 'URL of the chart repository')
    .option('--version <constraint>', 'chart version (default: the newest)')
    .optionsGroup('Cluster:')
    .option('--releases', "add the releases of the cluster: helm list --all-namespaces, with your Helm's kubeconfig")
    .addOption(repeatable('--release-namespace <name>', 'add the releases of this namespace only'))
    .addOption(
      new Option('--values-dir <dir>', 'write the values of the releases to files there, which may hold secrets'),
    )
    .optionsGroup('Registries and TLS:');
  return addTrustFlags(
    command,
    'trust these certificate authorities in addition to those of the system, PEM',
  ).addHelpText(
    'after',
    examples(
      'init ./app oci://registry.example/charts/web',
      'init web --repo https://charts.example',
      'init --releases',
    ),
  );
}

type Flags = FlagsOf<typeof declare>;

export function initCommand(io: CommandIO) {
  return declare().action(async (charts, flags) => {
    const { cwd } = io.context;
    checkContent(charts, flags);
    const path = resolve(cwd, flags.out);
    const folder = dirname(path);
    const valuesFolder = flags.valuesDir === undefined ? undefined : resolve(cwd, flags.valuesDir);
    await checkNewOutput(path, '--out');
    if (valuesFolder !== undefined) await checkFolder(valuesFolder, '--values-dir');
    const { jsonSchema } = await import('../config/json-schema.ts');
    const { readSchemaFile, SCHEMA_FILE, SCHEMA_LINE } = await import('../config/schema-file.ts');
    const before = flags.schema ? await readSchemaFile(folder) : undefined;
    const { initCharts } = await import('../../workflows/init/init.ts');
    const found = await initCharts(io.context, initOptions(io, charts, flags, folder));
    const { newConfigText } = await import('../config/new-config.ts');
    const toFile = (file: string): string => relativePath(folder, file);
    const text = newConfigText({
      charts: found,
      valuesPath: (file) => (valuesFolder === undefined ? undefined : toFile(join(valuesFolder, file))),
      plainHttp: flags.plainHttp,
      ...(flags.caFile !== undefined && { caFile: toFile(resolve(cwd, flags.caFile)) }),
      clientCertificates: Object.fromEntries(
        clientCertificatesOf(flags, cwd).map(({ host, certFile, keyFile }) => [
          host,
          { cert: toFile(certFile), ...(keyFile !== undefined && { key: toFile(keyFile) }) },
        ]),
      ),
      head: flags.schema ? [SCHEMA_LINE] : [],
    });
    const values = valuesFolder === undefined ? [] : found.flatMap(({ values: own }) => own ?? []);
    const { replaceFiles } = await import('../../base/replace-files.ts');
    if (valuesFolder !== undefined && values.length > 0) await makeFolder(valuesFolder, 0o700);
    const valuesFiles = values.map(({ file, text: content }) => ({
      path: join(valuesFolder ?? '', file),
      ...{ before: undefined, after: Buffer.from(content), mode: 0o600 },
    }));
    const schema = flags.schema
      ? [{ path: join(folder, SCHEMA_FILE), before, after: Buffer.from(jsonSchema('config').text) }]
      : [];
    await checkAbsent(valuesFiles.map((file) => file.path));
    await replaceFiles([...valuesFiles, ...schema, { path, before: undefined, after: Buffer.from(text) }]);
    const files = {
      path: displayPath(path, cwd),
      ...(flags.schema && { schema: displayPath(join(folder, SCHEMA_FILE), cwd) }),
      valuesFiles: valuesFiles.map((file) => displayPath(file.path, cwd)),
    };
    if (flags.output === 'json') io.print(await formatDocument('Init', initDocument(found, files), 'json'));
    else await printReport(io, initReport(found, files), [afterInit(files.path, found)]);
  });
}

/** Checks that something is asked for, and that the flags fit. @throws AirgapError `usage` */
function checkContent(
  charts: readonly string[],
  { releases, releaseNamespace, valuesDir, repo, version }: Flags,
): void {
  const asksCluster = releases === true || releaseNamespace.length > 0;
  if (charts.length === 0 && !asksCluster) {
    throw new AirgapError('usage', 'no chart is named', {
      hint: 'name charts, or take those of a cluster: helm airgap init --releases',
    });
  }
  const unused =
    charts.length > 0 ? undefined : repo !== undefined ? '--repo' : version !== undefined ? '--version' : undefined;
  if (unused !== undefined)
    throw new AirgapError('usage', `${unused} is about a chart, and none is named`, { hint: `leave ${unused} out` });
  if (valuesDir !== undefined && !asksCluster) {
    throw new AirgapError('usage', '--values-dir is about the releases of a cluster', { hint: 'add --releases' });
  }
  for (const namespace of releaseNamespace) checkName('namespace', namespace, '--release-namespace', 'usage');
}

function initOptions({ context }: CommandIO, charts: readonly string[], flags: Flags, folder: string): InitOptions {
  const { cwd, env } = context;
  const { repo, version, plainHttp, releases, releaseNamespace } = flags;
  const caFile = flags.caFile === undefined ? undefined : resolve(cwd, flags.caFile);
  const access = (chart: string) => chartAccessOf({}, chart, { caFile, plainHttp });
  return {
    charts: charts.map((chart) => ({ chart, repo, version, access: access(chart) })),
    sources: {
      ...{ mirrors: [], plainHttp, ...(caFile !== undefined && { caFile }) },
      certificates: helmCertificates(clientCertificatesOf(flags, cwd), env),
      findLogin: chartLogin(env, {}, []),
    },
    ...((releases || releaseNamespace.length > 0) && { releases: releaseNamespace }),
    localPath: (path) => relativePath(folder, path),
  };
}

/** @throws AirgapError `output-exists` */
async function checkAbsent(paths: readonly string[]): Promise<void> {
  for (const path of paths) await checkNewOutput(path, '--values-dir');
}

/** After `init`: fill in what is missing, then list the images. */
function afterInit(file: string, charts: readonly InitChart[]): string {
  const first = charts.some(({ lacksRepo }) => lacksRepo) ? `fill in the repositories in ${file}` : '';
  return nextStep(airgapCommand('images', '--config', fileWord(file)), first);
}
