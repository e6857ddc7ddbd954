import type { Versions } from '../../workflows/version/version.ts';
import { joinLines } from './text.ts';

/** Formats versions as lines of `name: value`. */
export function versionReport({ version, commit, node, helm, platform }: Versions): string {
  return joinLines([
    `helm airgap: ${version}`,
    `commit: ${commit}`,
    `Node.js: ${node}`,
    `Helm: ${helm.version ?? `unusable (${helm.problem})`}`,
    ...(helm.path === undefined ? [] : [`Helm path: ${helm.path}`]),
    `platform: ${platform}`,
  ]);
}
