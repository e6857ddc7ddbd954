import { Command } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import type { DoctorOptions } from '../../workflows/doctor/doctor.ts';
import { addConfigFlags } from '../flags/charts.ts';
import { CONNECTION_ONLY, readConfiguration } from '../flags/configuration.ts';
import { declaredHosts } from '../flags/ecr.ts';
import { addLoginFlags, type ReadLogin } from '../flags/login.ts';
import type { FlagsOf } from '../flags/option.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { addAwsFlags, addTrustFlags, registryAccess } from '../flags/registry.ts';
import { registryTypeOption } from '../flags/target.ts';
import { examples } from '../help.ts';
import { doctorReport } from '../reports/doctor.ts';
import type { CommandIO } from '../run.ts';
import { COMMIT, VERSION } from '../version.ts';

/** Declares the command and its flags. */
function declare(io: CommandIO) {
  const command = addConfigFlags(
    new Command('doctor')
      .argument('[target]', 'REGISTRY[/PREFIX], as for push --to; without it, this host alone is checked')
      .option('--try-upload', 'open an upload in the target and cancel it, which may create a repository'),
    'read logins, plainHttp, caFile and clientCertificates from this airgap.yaml',
  )
    .addOption(outputOption(['text', 'json'], 'text'))
    .addHelpText('after', examples('doctor', 'doctor registry.example/mirror', 'doctor registry.example -o json'))
    .optionsGroup('Registries and TLS:');
  return addAwsFlags(
    addTrustFlags(
      addLoginFlags(command, io),
      'trust these certificate authorities in addition to those of the system, PEM',
    ),
  ).addOption(registryTypeOption());
}

type Flags = FlagsOf<typeof declare> & ReadLogin;

export function doctorCommand(io: CommandIO) {
  return declare(io).action(async (target, flags: Flags) => {
    if (flags.tryUpload && target === undefined) {
      throw new AirgapError('usage', '--try-upload needs a target', { hint: 'name REGISTRY[/PREFIX]' });
    }
    const options = await doctorOptions(io, target, flags);
    const { doctor } = await import('../../workflows/doctor/doctor.ts');
    const result = await doctor(io.context, options);
    if (result.counts.bad > 0) io.setExitCode(3);
    if (flags.output === 'json') io.print(await formatDocument('Doctor', result, 'json'));
    else await printReport(io, doctorReport(result));
  });
}

/** Maps the flags to the options of the workflow. @throws AirgapError `usage`, `config` */
async function doctorOptions({ context }: CommandIO, text: string | undefined, flags: Flags): Promise<DoctorOptions> {
  const { registry: settings } = await readConfiguration(context, flags, CONNECTION_ONLY);
  const target = text === undefined ? undefined : await parsed(text);
  const named = target === undefined ? [] : [target.registry];
  const { access } = await registryAccess({ ...settings, mirrors: [], named });
  const ecrHosts = await declaredHosts(named, flags, context.env);
  return {
    build: { version: VERSION, commit: COMMIT },
    ...(target && { target }),
    access: { ...access, ecrHosts },
    tryUpload: flags.tryUpload ?? false,
  };
}

/** @throws AirgapError `usage` */
async function parsed(text: string): Promise<NonNullable<DoctorOptions['target']>> {
  const { DEFAULT_NAMING, parseTarget } = await import('../../naming/naming.ts');
  try {
    const { registry, prefix } = parseTarget(text, DEFAULT_NAMING);
    return { registry, prefix };
  } catch (error) {
    // The target of other commands is a flag.
    throw error instanceof AirgapError ? error.with({ reason: error.reason.replace(/^--to:? /, '') }) : error;
  }
}
