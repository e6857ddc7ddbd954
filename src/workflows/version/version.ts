import { AirgapError } from '../../base/errors.ts';
import { findHelm, Helm, type HelmContext } from '../../helm/helm.ts';

/** The program that was built. */
export interface Build {
  readonly version: string;
  /** Commit, followed by `-dirty` if the sources were changed; `unknown` outside a checkout. */
  readonly commit: string;
}

/** What takes part in a run: this program, Node.js and Helm. */
export interface Versions extends Build {
  /** Version of Node.js. */
  readonly node: string;
  readonly helm: HelmVersion;
  /** Operating system and architecture of this host, with the names of OCI: `linux/amd64`. */
  readonly platform: string;
}

interface HelmVersion {
  readonly version?: string;
  /** Absolute path. */
  readonly path?: string;
  /** Why there is no version. */
  readonly problem?: string;
}

/**
 * Returns the versions for a bug report, whatever state Helm is in.
 * @throws AirgapError `interrupted`
 */
export async function versions(context: HelmContext, { version, commit }: Build): Promise<Versions> {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const platform = `${process.platform}/${architecture}`;
  return { version, commit, node: process.versions.node, helm: await helmVersion(context), platform };
}

async function helmVersion(context: HelmContext): Promise<HelmVersion> {
  let path: string | undefined;
  try {
    path = findHelm(context);
    const version = await new Helm(context).version();
    return version === 'unknown' ? { path, problem: '"helm version" printed no version' } : { version, path };
  } catch (error) {
    if (!(error instanceof AirgapError) || error.code !== 'helm-missing') throw error;
    return { ...(path === undefined ? {} : { path }), problem: error.message };
  }
}
