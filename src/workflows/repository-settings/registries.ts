import type { AirgapError } from '../../base/errors.ts';
import { asAirgapError } from '../../base/errors.ts';
import { settle } from '../../base/pool.ts';
import { ecrHost, isEcrPublic } from '../../ecr/hosts.ts';
import type { CatalogData } from '../../ecr/public/catalog-data.ts';
import { openCatalogs } from '../../ecr/public/catalogs.ts';
import { openTagMutabilities } from '../../ecr/tag-mutability.ts';
import type { RegistryConnection } from '../../session/connect.ts';
import { type CommonSettings, ECR, ECR_PUBLIC, OTHER, type RegistryKind } from './common-settings.ts';

/** Settings of the repositories of one registry, by path. */
export interface SettingsRegistry {
  readonly kind: RegistryKind;
  /**
   * Reads settings. Repositories that do not exist are left out; those that the registry does not show have an error.
   * @throws AirgapError if the registry does not answer at all
   */
  read(paths: readonly string[]): Promise<ReadonlyMap<string, CommonSettings | AirgapError>>;
  /** Creates a repository; absent if the push does it, as in ECR, or the registry. */
  create?(path: string, settings: CommonSettings): Promise<void>;
  /** Changes the given settings. */
  update(path: string, changes: CommonSettings): Promise<void>;
  close(): void | Promise<void>;
}

/** Concurrent requests to an API of settings. */
export const SETTINGS_CONCURRENCY = 8;

/** Opens the settings of a registry, if it is of a kind that has them. */
export async function openSettings(
  registry: string,
  { ecr }: Pick<RegistryConnection, 'ecr'>,
): Promise<SettingsRegistry> {
  if (isEcrPublic(registry)) return ecrPublicSettings(await openCatalogs(ecr));
  const host = ecrHost(registry, ecr.ecrHosts);
  if (host !== undefined) return ecrSettings(await openTagMutabilities(host, ecr));
  return { kind: OTHER, read: async () => new Map(), update: async () => {}, close: () => {} };
}

function ecrSettings(repositories: Awaited<ReturnType<typeof openTagMutabilities>>): SettingsRegistry {
  return {
    kind: ECR,
    async read(paths) {
      const found = await repositories.read(paths);
      return new Map([...found].map(([path, tags]) => [path, { tags, visibility: 'private' }]));
    },
    async update(path, { tags }) {
      if (tags !== undefined) await repositories.set(path, tags);
    },
    close: () => repositories.close(),
  };
}

function ecrPublicSettings(catalogs: Awaited<ReturnType<typeof openCatalogs>>): SettingsRegistry {
  return {
    kind: ECR_PUBLIC,
    read: async (paths) =>
      readEach(await catalogs.ownPaths(paths), async (path) => {
        const catalog = await catalogs.read(path);
        return catalog && fromCatalog(catalog);
      }),
    update: (path, changes) => catalogs.set(path, toCatalog(changes)),
    close: () => catalogs.close(),
  };
}

/** Reads repositories one by one. */
export async function readEach(
  paths: readonly string[],
  read: (path: string) => Promise<CommonSettings | undefined>,
): Promise<ReadonlyMap<string, CommonSettings | AirgapError>> {
  const outcomes = await settle(paths, SETTINGS_CONCURRENCY, read);
  const found = new Map<string, CommonSettings | AirgapError>();
  for (const [index, path] of paths.entries()) {
    const outcome = outcomes[index];
    const value = outcome === undefined || 'value' in outcome ? outcome?.value : asAirgapError(outcome.error);
    if (value !== undefined) found.set(path, value);
  }
  return found;
}

function fromCatalog({
  description,
  aboutText,
  usageText,
  architectures,
  operatingSystems,
}: CatalogData): CommonSettings {
  return {
    visibility: 'public',
    ...(description !== undefined && { description }),
    ...(aboutText !== undefined && { about: aboutText }),
    ...(usageText !== undefined && { usage: usageText }),
    ...(architectures !== undefined && { architectures }),
    ...(operatingSystems !== undefined && { operatingSystems }),
  };
}

/** Returns the catalog data of settings. */
export function toCatalog({ description, about, usage, architectures, operatingSystems }: CommonSettings): CatalogData {
  return {
    ...(description !== undefined && { description }),
    ...(about !== undefined && { aboutText: about }),
    ...(usage !== undefined && { usageText: usage }),
    ...(architectures !== undefined && { architectures }),
    ...(operatingSystems !== undefined && { operatingSystems }),
  };
}
