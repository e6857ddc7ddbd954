import { resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { checkName } from '../../base/names.ts';
import { checkNewOutput, checkWritable, writeOutput } from '../../base/output-file.ts';
import { addConfigFlags } from '../flags/charts.ts';
import { CONNECTION_ONLY, readConfiguration } from '../flags/configuration.ts';
import { addLoginFlags, type ReadLogin } from '../flags/login.ts';
import { type FlagsOf, parseConcurrency, repeatable } from '../flags/option.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { addTrustFlags, registryAccess } from '../flags/registry.ts';
import { examples } from '../help.ts';
import { accessExportDocument, accessExportReport } from '../reports/access.ts';
import { displayPath } from '../reports/text.ts';
import type { CommandIO } from '../run.ts';

/** Declares the command and its flags. */
function declare(io: CommandIO) {
  const command = addConfigFlags(
    new Command('export')
      .description('write accounts, organizations, teams and rights of a Mirantis Secure Registry to a file')
      .argument('<file>', 'file to write, such as access.yaml')
      .requiredOption('--from <host>', 'registry to read')
      .addOption(repeatable('--organization <name>', 'export only this organization, its members and its repositories'))
      .option('--force', 'overwrite an existing file'),
    'read logins, plainHttp, caFile and clientCertificates from this airgap.yaml',
  )
    .addOption(outputOption(['text', 'json'], 'text'))
    .addHelpText(
      'after',
      examples(
        'access export access.yaml --from msr.example',
        'access export team.yaml --from msr.example --organization team',
      ),
    );
  return addTrustFlags(
    addLoginFlags(command.optionsGroup('Registries and TLS:'), io),
    'trust these certificate authorities in addition to those of the system, PEM',
  ).option('--concurrency <n>', `number of concurrent requests (default: ${CONCURRENCY})`, parseConcurrency);
}

type Flags = FlagsOf<typeof declare> & ReadLogin;

/** Requests at the same time: the API shares its database with the registry's users. */
const CONCURRENCY = 8;

export function accessExportCommand(io: CommandIO) {
  return declare(io).action(async (file, flags: Flags) => {
    const { cwd } = io.context;
    const registry = checkName('registry', flags.from, '--from', 'usage');
    for (const name of flags.organization) checkName('account', name, '--organization', 'usage');
    const path = resolve(cwd, file);
    await checkNewOutput(path, 'FILE', flags.force ?? false);
    await checkWritable(path, 'FILE');
    const { registry: settings } = await readConfiguration(io.context, flags, CONNECTION_ONLY);
    const use = await registryAccess({ ...settings, named: [registry] }, CONCURRENCY);
    const { exportAccess } = await import('../../workflows/access/export.ts');
    const result = await exportAccess(io.context, { ...use, registry, organizations: flags.organization });
    const { formatAccess } = await import('../../inventory/access.ts');
    await writeOutput(path, formatAccess(result.access));
    const shown = displayPath(path, cwd);
    if (flags.output === 'json')
      io.print(await formatDocument('AccessExport', accessExportDocument(result, shown), 'json'));
    else await printReport(io, accessExportReport(result, shown));
    if (result.unread.length > 0) io.setExitCode(3);
  });
}
