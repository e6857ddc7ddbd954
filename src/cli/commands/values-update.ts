import { dirname } from 'node:path';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { replaceFiles } from '../../base/replace-files.ts';
import type { UpdatedKustomization } from '../../workflows/values/update-kustomizations.ts';
import type { ValuesOptions } from '../../workflows/values/values.ts';
import { formatDocument, printReport } from '../flags/output.ts';
import { airgapCommand, fileWord, nextStep } from '../reports/next.ts';
import { updateReport } from '../reports/values-update.ts';
import type { CommandIO } from '../run.ts';
import { ACCESS, NAMING, ON_PURPOSE, sharedFlags, TARGET } from './next-steps.ts';

/**
 * Sets `images` in existing kustomizations: in all of them, or in none, and builds them again as proof. Exit code 3 if
 * references stay public.
 * @returns the next step
 * @throws AirgapError errors of the workflow; `file` if a file changed in the meantime
 */
export async function updateFiles(
  io: CommandIO,
  { target, bundle, signers, rules, sources, onPurpose }: ValuesOptions,
  { update, output }: { readonly update: readonly string[]; readonly output: 'yaml' | 'json' },
  command: CommandUnknownOpts,
): Promise<readonly string[]> {
  const { cwd } = io.context;
  const [{ kustomizationPaths }, { updateKustomizations }, { unreachedReferences }] = await Promise.all([
    import('../../workflows/values/kustomization-paths.ts'),
    import('../../workflows/values/update-kustomizations.ts'),
    import('../../workflows/values/built-updates.ts'),
  ]);
  const files = await kustomizationPaths(update, cwd);
  const { manifests = [], images = [] } = sources ?? {};
  const options = { target, bundle, signers, rules, onPurpose, manifests, images, files };
  const result = await updateKustomizations(io.context, options);
  const { kustomizations, allowed, decisions } = result;
  const changed = kustomizations.filter(({ isChanged }) => isChanged);
  await replaceFiles(
    changed.map(({ path, before, text }) => ({ path, before: Buffer.from(before), after: Buffer.from(text) })),
  );
  const left = [
    ...result.left,
    ...(await unreachedReferences(io.context, kustomizations, { rules, target, decisions })),
  ];
  if (output === 'json') {
    io.print(
      await formatDocument(
        'KustomizationUpdate',
        { files: kustomizations.map(fileEntry), left, ...(allowed.length > 0 && { allowed }) },
        'json',
      ),
    );
  } else await printReport(io, updateReport({ kustomizations, left, allowed }));
  if (left.length > 0) io.setExitCode(3);
  return afterUpdate(command, kustomizations);
}

function fileEntry({ shown: file, text, isChanged, set, kept, usedBy }: UpdatedKustomization): object {
  return { file, changed: isChanged, set, kept, ...(usedBy !== undefined && { usedBy }), text };
}

/** After `values --update`: prove what the kustomizations build. Those that others build on are proved with these. */
function afterUpdate(
  command: CommandUnknownOpts,
  kustomizations: readonly { readonly shown: string; readonly usedBy?: string }[],
): string[] {
  const { to, kustomize = [] }: { readonly to?: string; readonly kustomize?: readonly string[] } = command.opts();
  const updated = kustomizations.flatMap(({ shown, usedBy }) => (usedBy === undefined ? [dirname(shown)] : []));
  const sources = (kustomize.length > 0 ? kustomize : updated).flatMap((folder) => ['--kustomize', fileWord(folder)]);
  const flags = sharedFlags(command, 'check', [...ACCESS, ...TARGET, ...NAMING, ...ON_PURPOSE]);
  return [nextStep(airgapCommand('check', ...sources, '--to', String(to), ...flags))];
}
