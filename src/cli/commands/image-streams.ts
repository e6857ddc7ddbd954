import { Command } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import { addConfigFlags } from '../flags/charts.ts';
import { CONNECTION_ONLY, readConfiguration } from '../flags/configuration.ts';
import { addStreamSelectionFlags, imageStreamOptions } from '../flags/image-streams.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { examples } from '../help.ts';
import { imageStreamsReport } from '../reports/image-streams.ts';
import type { CommandIO } from '../run.ts';
import { afterImageStreams } from './after-image-streams.ts';
import { addAddressFlag, printAddresses, STREAM_OUTPUTS } from './image-streams-addresses.ts';
import { addRewriteFlags, isReplacement, replaceRegistries } from './image-streams-rewrite.ts';

/** Declares the command and its flags. */
function declare() {
  const command = new Command('image-streams')
    .argument('[path...]', 'file or folder of exported objects; "-" for standard input')
    .addOption(outputOption(STREAM_OUTPUTS, 'table'))
    .addHelpText(
      'after',
      examples(
        'image-streams export/',
        'image-streams export/ -o json',
        'image-streams --registry-addresses --source-kubeconfig a.yaml',
        'image-streams a/ --registry-replacement --destination-config b/',
        'image-streams a/ --rewrite a/ --destination-config b/ --dry-run',
      ),
    )
    .optionsGroup('Selection:');
  const selecting = addStreamSelectionFlags(
    addConfigFlags(command, 'read image streams and routes from this airgap.yaml'),
  );
  return addRewriteFlags(addAddressFlag(selecting));
}

export function imageStreamsCommand(io: CommandIO) {
  return declare().action(async (paths, flags, command) => {
    const replaces = isReplacement(flags);
    const { planImageStreams } = await import('../../workflows/image-streams/plan.ts');
    const { config, folder } = await readConfiguration(io.context, flags, CONNECTION_ONLY);
    const options = await imageStreamOptions(io, flags, paths, config, folder);
    if (flags.registryAddresses) return printAddresses(io, options, flags);
    if (options.sources.length === 0) {
      throw new AirgapError('usage', 'no exported objects were given', {
        hint: 'run helm airgap image-streams FOLDER, or name the folder with imageStreams in airgap.yaml (--config)',
      });
    }
    if (replaces) return replaceRegistries(io, options, flags);
    const plan = await planImageStreams(io.context, options);
    if (flags.output === 'json' || flags.output === 'yaml') {
      const { platformUploads: _, addresses: __, streams: ___, ...document } = plan;
      return io.print(await formatDocument('ImageStreams', document, flags.output));
    }
    await printReport(io, imageStreamsReport(plan, options), afterImageStreams(command, plan));
  });
}
