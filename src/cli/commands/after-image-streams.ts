import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { givenArguments } from '../flags/given.ts';
import { airgapCommand, nextStep } from '../reports/next.ts';
import { sharedFlags } from './next-steps.ts';

const STREAM_FLAGS = [
  ...['--config', '--var', '--registry-route', '--source-kubeconfig', '--source-context'],
  ...['--include-public', '--include-platform'],
];

/** After `image-streams`: copy what has to be moved, if anything has. */
export function afterImageStreams(
  command: CommandUnknownOpts,
  { counts }: { readonly counts: { readonly moved: number } },
): string[] {
  if (counts.moved === 0) return [];
  const paths = givenArguments(command).flatMap((path) => ['--image-streams', path]);
  const flags = sharedFlags(command, 'mirror', STREAM_FLAGS);
  return [nextStep(airgapCommand('mirror', ...paths, ...flags, '--to', 'REGISTRY'))];
}
