import { resolve } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { checkOutput } from '../../base/output-file.ts';
import { manifestSource, STANDARD_INPUT } from '../../manifests/source.ts';
import type { ImageStreamOptions } from '../../workflows/image-streams/plan.ts';
import type { ReplacementPlan } from '../../workflows/image-streams/replacement.ts';
import { addDestinationClusterFlags, destinationCluster } from '../flags/clusters.ts';
import { type FlagsOf, flagGroup, givenFlags, repeatable } from '../flags/option.ts';
import { formatDocument, printReport } from '../flags/output.ts';
import { replacementDocument, rewriteDocument, rewriteReport } from '../reports/image-streams-rewrite.ts';
import type { CommandIO } from '../run.ts';

/** Adds the flags of `image-streams` that replace the source's registry by the destination's. */
export const addRewriteFlags = flagGroup((command) =>
  addDestinationClusterFlags(
    command
      .optionsGroup('Registry of the destination:')
      .option('--registry-replacement', 'print OLD=NEW for the registries of both clusters, for each namespace')
      .addOption(repeatable('--rewrite <path>', 'replace registries in exported workloads: file or folder'))
      .addOption(repeatable('--rename-namespace <old=new>', 'new name of a namespace in the destination'))
      .option('--dry-run', 'with --rewrite: show the changes, and write nothing')
      .option('--undo <file>', 'with --rewrite: patch that takes the changes back (default: image-streams.undo.patch)')
      .addOption(
        repeatable('--destination-config <path>', 'exported Routes and Image configuration of the destination'),
      )
      .addOption(repeatable('--destination-route <from=to>', "public host of the destination's registry")),
  ),
);

type RewriteFlags = FlagsOf<typeof addRewriteFlags>;

/** Formats of `image-streams`; `crane` is the value of crane's flag `registry-replacement`. */
export const STREAM_FORMATS = ['table', 'json', 'yaml', 'crane'] as const;

type Flags = RewriteFlags & {
  readonly registryAddresses?: true | undefined;
  readonly output: (typeof STREAM_FORMATS)[number] | 'internal' | 'public';
};

/**
 * Reports whether the flags replace registries.
 * @throws AirgapError `usage` for flags that do not belong together
 */
export function isReplacement(flags: Flags): boolean {
  const { registryReplacement, rewrite, dryRun, undo, output } = flags;
  if (registryReplacement && rewrite.length > 0) {
    throw new AirgapError('usage', '--registry-replacement and --rewrite cannot be used together', {
      hint: 'use --registry-replacement to print what --rewrite replaces',
    });
  }
  if (flags.registryAddresses && (registryReplacement || rewrite.length > 0)) {
    throw new AirgapError('usage', `--registry-addresses cannot be used with --registry-replacement or --rewrite`, {
      hint: 'give one of them',
    });
  }
  if (rewrite.includes(STANDARD_INPUT)) {
    throw new AirgapError('usage', '--rewrite - cannot be used: files are changed in place', {
      hint: 'write the objects to a file first',
    });
  }
  const refuse = (given: Readonly<Record<string, boolean>>, needed: string): void => {
    const alone = givenFlags(given);
    if (alone.length > 0) {
      throw new AirgapError('usage', `${alone.join(', ')} needs ${needed}`, {
        hint: 'without it, image-streams only classifies tags',
      });
    }
  };
  if (rewrite.length === 0) refuse({ '--dry-run': dryRun === true, '--undo': undo !== undefined }, '--rewrite');
  if (!flags.registryAddresses)
    refuse({ [`-o ${output}`]: output === 'internal' || output === 'public' }, '--registry-addresses');
  if (!registryReplacement) refuse({ '-o crane': output === 'crane' }, '--registry-replacement');
  if (registryReplacement || rewrite.length > 0) return true;
  refuse(
    {
      '--rename-namespace': flags.renameNamespace.length > 0,
      '--destination-config': flags.destinationConfig.length > 0,
      '--destination-route': flags.destinationRoute.length > 0,
      '--destination-kubeconfig': flags.destinationKubeconfig !== undefined,
      '--destination-context': flags.destinationContext !== undefined,
    },
    '--registry-replacement or --rewrite',
  );
  return false;
}

/** Prints what is replaced, or replaces it in files: exit code 3 if something still refers to the source. */
export async function replaceRegistries(io: CommandIO, streams: ImageStreamOptions, flags: Flags): Promise<void> {
  const { cwd } = io.context;
  const undo = resolve(cwd, flags.undo ?? 'image-streams.undo.patch');
  if (flags.undo !== undefined) await checkOutput(undo, '--undo');
  const [{ planReplacement }, { parseRegistryRoute }, { parseRenamedNamespaces }] = await Promise.all([
    import('../../workflows/image-streams/replacement.ts'),
    import('../../openshift/registry-addresses.ts'),
    import('../../openshift/registry-replacement.ts'),
  ]);
  const cluster = destinationCluster(flags);
  const renamed = parseRenamedNamespaces(flags.renameNamespace);
  const plan = await planReplacement(io.context, {
    streams,
    renamed,
    destination: {
      configs: flags.destinationConfig.map((path) => manifestSource('image-streams', path, cwd)),
      routes: flags.destinationRoute.map((text) => parseRegistryRoute(text, '--destination-route')),
      ...(cluster && { cluster }),
    },
  });
  if (flags.registryReplacement) return printReplacement(io, plan, flags.output);
  const [{ rewriteFiles }, { ReferenceRewriter }] = await Promise.all([
    import('../../workflows/image-streams/rewriting/rewrite-files.ts'),
    import('../../openshift/reference-rewriter.ts'),
  ]);
  const result = await rewriteFiles(io.context, {
    sources: flags.rewrite.map((path) => manifestSource('manifests', path, cwd)),
    rules: { rewriter: new ReferenceRewriter(plan.replacements, plan.source, plan.destination), renamed },
    isDryRun: flags.dryRun ?? false,
    undo,
  });
  if (result.left.length > 0) io.setExitCode(3);
  if (flags.output === 'json' || flags.output === 'yaml')
    io.print(await formatDocument('RegistryRewrite', rewriteDocument(result), flags.output));
  else await printReport(io, rewriteReport(result, cwd));
}

async function printReplacement(io: CommandIO, plan: ReplacementPlan, format: Flags['output']): Promise<void> {
  const { formatReplacement } = await import('../../openshift/registry-replacement.ts');
  if (format === 'json' || format === 'yaml') {
    io.print(await formatDocument('RegistryReplacement', replacementDocument(plan), format));
    return;
  }
  const lines = plan.replacements.map(formatReplacement);
  if (lines.length > 0) io.print(lines.join(format === 'crane' ? ',' : '\n'));
  else io.info('nothing to replace: references have the same names in both clusters');
}
