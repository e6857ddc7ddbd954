import { availableParallelism } from 'node:os';
import { Command } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { requiredSigners, requireSignatureOption, signingKey } from '../flags/signatures.ts';
import { examples } from '../help.ts';
import { signReport } from '../reports/sign.ts';
import type { CommandIO } from '../run.ts';
import { afterSign } from './next-steps.ts';

export function signCommand(io: CommandIO) {
  return new Command('sign')
    .argument('<file>', 'bundle to sign, as one file or in parts')
    .requiredOption('--private-key <key>', 'private key, PEM (passphrase in AIRGAP_KEY_PASSPHRASE)')
    .option('--detached', 'write the signature to <file>.signatures.json, as for parts, and leave the bundle as it is')
    .addOption(requireSignatureOption())
    .addOption(outputOption(['text', 'json'], 'text'))
    .addHelpText(
      'after',
      examples(
        'sign app.tar --private-key key.pem',
        'sign app.tar --private-key key.pem --require-signature builder.pub',
      ),
    )
    .action(async (file, { privateKey, detached = false, output, ...flags }) => {
      const key = await signingKey(io, privateKey);
      const { signers } = await requiredSigners(flags);
      const { sign } = await import('../../workflows/sign/sign.ts');
      const options = { file, key, signers, detached, cores: availableParallelism() };
      const result = await sign(io.context, options).catch((error: unknown) => {
        if (error instanceof AirgapError && error.code === 'bundle-invalid') io.setExitCode(3);
        throw error;
      });
      if (output === 'json') io.print(await formatDocument('Signing', result, 'json'));
      else await printReport(io, { result: [signReport(result)], notes: [] }, afterSign(file, flags.requireSignature));
    });
}
