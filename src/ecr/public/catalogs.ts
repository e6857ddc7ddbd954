import { ecrPublicClient } from '../connection.ts';
import { awsError, errorName } from '../failures.ts';
import { ECR_PUBLIC_HOST } from '../hosts.ts';
import type { EcrOptions } from '../options.ts';
import { listAliases, splitPublicPath } from './aliases.ts';
import type { CatalogData } from './catalog-data.ts';
import { changedCatalogData } from './catalog-data-input.ts';
import { presentCatalogData } from './reconcile.ts';

/** Catalog data of repositories at public.ecr.aws. Paths begin with the alias of a registry. */
export interface Catalogs {
  /** Returns the paths that are in the registry of the caller's account: the API shows no others. */
  ownPaths(paths: readonly string[]): Promise<readonly string[]>;
  /**
   * Reads the catalog data of a repository, empty if it has none; undefined if the repository does not exist.
   * @throws AirgapError `unauthorized`, `forbidden`, `network`, `registry`
   */
  read(path: string): Promise<CatalogData | undefined>;
  /** Sets the given fields, and keeps the others. @throws AirgapError as `read` */
  set(path: string, catalog: CatalogData): Promise<void>;
  /** Closes all connections. */
  close(): void;
}

/** Opens the API of ECR Public for reading and setting catalog data. */
export async function openCatalogs(options: EcrOptions): Promise<Catalogs> {
  const client = await ecrPublicClient(options);
  const { PutRepositoryCatalogDataCommand } = await import('@aws-sdk/client-ecr-public');
  const whatOf = (path: string): string => `catalog data of ${ECR_PUBLIC_HOST}/${path}`;
  const nameOf = (path: string): string => splitPublicPath(path).name;
  return {
    async ownPaths(paths) {
      const aliases = await listAliases(client).catch((error: unknown) => {
        throw awsError(`registry aliases of ${ECR_PUBLIC_HOST}`, error);
      });
      const own = new Set(aliases.map(({ name }) => name));
      return paths.filter((path) => own.has(splitPublicPath(path).alias) && nameOf(path) !== '');
    },
    async read(path) {
      try {
        return await presentCatalogData(client, nameOf(path));
      } catch (error) {
        if (errorName(error) === 'RepositoryNotFoundException') return undefined;
        throw awsError(whatOf(path), error);
      }
    },
    async set(path, catalog) {
      const repositoryName = nameOf(path);
      try {
        const catalogData = changedCatalogData(await presentCatalogData(client, repositoryName), catalog);
        if (catalogData === undefined) return;
        await client.send(new PutRepositoryCatalogDataCommand({ repositoryName, catalogData }));
      } catch (error) {
        throw awsError(whatOf(path), error);
      }
    },
    close: () => client.destroy(),
  };
}
