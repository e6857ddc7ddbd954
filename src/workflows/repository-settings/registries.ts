import { isRefusal } from '../../base/errors.ts';
import { ecrHost, isEcrPublic } from '../../ecr/hosts.ts';
import type { EcrOptions } from '../../ecr/options.ts';
import type { CatalogData } from '../../ecr/public/catalog-data.ts';
import { openCatalogs } from '../../ecr/public/catalogs.ts';
import { openTagMutabilities } from '../../ecr/tag-mutability.ts';
import { apiHost } from '../../registry/routes.ts';
import { connectMirantis, type RegistryAccess } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import { type CommonSettings, ECR, ECR_PUBLIC, MIRANTIS, OTHER } from './common-settings.ts';
import { mirantisSettings } from './mirantis.ts';
import { readEach, type SettingsRegistry } from './settings-registry.ts';

/** Access to the settings of the repositories of any registry. */
export interface SettingsAccess {
  readonly ecr: EcrOptions;
  readonly access: RegistryAccess;
}

const NO_SETTINGS: SettingsRegistry = {
  kind: OTHER,
  read: async () => new Map(),
  update: async () => {},
  close: () => {},
};

/** Opens the settings of a registry. One without any is of the kind `OTHER`. @throws AirgapError `network`, `interrupted` */
export async function openSettings(
  context: Context,
  registry: string,
  { ecr, access }: SettingsAccess,
): Promise<SettingsRegistry> {
  if (isEcrPublic(registry)) return ecrPublicSettings(await openCatalogs(ecr));
  const host = ecrHost(registry, ecr.ecrHosts);
  if (host !== undefined) return ecrSettings(await openTagMutabilities(host, ecr));
  // Its login must not go to a host of another name, as Docker Hub has.
  if (apiHost(registry) !== registry) return NO_SETTINGS;
  const client = connectMirantis(context, access, registry);
  try {
    if (await client.offersRepositories()) return mirantisSettings(client);
  } catch (error) {
    if (!isRefusal(error)) {
      await client.close();
      throw error;
    }
    const read = (): Promise<never> => Promise.reject(error);
    // It may be a registry of another kind, whose visibility nobody knows.
    return { ...mirantisSettings(client), kind: { ...MIRANTIS, visibility: undefined }, read };
  }
  await client.close();
  return NO_SETTINGS;
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
