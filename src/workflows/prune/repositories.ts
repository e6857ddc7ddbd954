import { readFile } from 'node:fs/promises';
import { AirgapError, asAirgapError } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import { isName } from '../../base/names.ts';
import { quoted } from '../../base/printable.ts';
import { compareText } from '../../base/text-order.ts';
import { ECR_PUBLIC_HOST, ecrHost } from '../../ecr/hosts.ts';
import { EcrImages } from '../../ecr/images.ts';
import { chartRepository, formatTarget, type Target } from '../../naming/naming.ts';
import type { Repository } from '../../oci/reference.ts';
import { HIDDEN_CATALOG_HINT } from '../../registry/catalog.ts';
import type { RegistryClient } from '../../registry/client.ts';
import { connect, type RegistryAccess } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';

/** Access to the registry that is pruned. */
export interface PruneRegistry {
  readonly registry: string;
  readonly client: RegistryClient;
  /** ECR's own API, if the registry is ECR. */
  readonly images?: EcrImages;
  close(): Promise<void>;
}

/** Connects to a registry to read and delete. @throws AirgapError `unsupported` for ECR Public */
export function openRegistry(context: Context, registry: string, access: RegistryAccess): PruneRegistry {
  if (registry === ECR_PUBLIC_HOST) {
    throw new AirgapError(
      'unsupported',
      `${registry} cannot be pruned: this helm airgap does not delete in ECR Public`,
      {
        hint: 'delete images there with aws ecr-public batch-delete-image',
      },
    );
  }
  const { client, ecr } = connect(context, { ...access, mirrors: [], isPushTarget: true });
  const host = ecrHost(registry, access.ecrHosts);
  const images = host === undefined ? undefined : new EcrImages(host, ecr);
  return {
    registry,
    client,
    ...(images && { images }),
    close: async () => {
      await client.close();
      await images?.close();
    },
  };
}

/**
 * Returns the repositories below the prefix of a target and below its chart prefix, sorted.
 * @param file names of repositories, one per line, for a registry that hides its catalogue
 * @throws AirgapError `unsupported`, `unauthorized` or `forbidden` if the registry does not list them; `file`, `config`
 */
export async function repositoriesUnder(
  { client, images }: PruneRegistry,
  target: Target,
  file?: string,
): Promise<readonly Repository[]> {
  const { registry, prefix } = target;
  const chartParent = chartRepository(target, 'x').path.slice(0, -'/x'.length);
  const isUnder = (path: string): boolean =>
    [prefix, chartParent].some((parent) => parent === '' || path === parent || path.startsWith(`${parent}/`));
  const all =
    file !== undefined
      ? await readPaths(file, target, isUnder)
      : images === undefined
        ? await client.catalog(registry)
        : await images.repositories().catch(hinted);
  const paths = new Set(all.filter((path) => isUnder(path) && isName('repository', path)));
  return [...paths].sort(compareText).map((path) => ({ registry, path }));
}

/** Adds what to do about a registry that does not list its repositories. */
function hinted(error: unknown): never {
  const { code, hint = '' } = asAirgapError(error);
  throw code === 'forbidden' ? asAirgapError(error).with({ hint: `${hint}; or ${HIDDEN_CATALOG_HINT}` }) : error;
}

/** Reads names of repositories, with or without the registry; empty lines and those that begin with # are left out. */
async function readPaths(file: string, target: Target, isUnder: (path: string) => boolean): Promise<readonly string[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new AirgapError('file', `--repositories ${file} cannot be read: ${reasonOf(cause)}`, { cause });
  });
  const lines = text.split('\n').map((line) => line.trim());
  return lines.flatMap((line, i) => {
    if (line === '' || line.startsWith('#')) return [];
    const path = line.startsWith(`${target.registry}/`) ? line.slice(target.registry.length + 1) : line;
    if (isName('repository', path) && isUnder(path)) return [path];
    throw new AirgapError(
      'config',
      `--repositories ${file}, line ${i + 1}: ${quoted(line)} is not a repository below ${formatTarget(target)}`,
      {
        hint: 'write one repository per line, as in mirror/quay.io/team/app',
      },
    );
  });
}
