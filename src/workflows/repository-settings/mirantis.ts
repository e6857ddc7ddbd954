import { AirgapError, asAirgapError } from '../../base/errors.ts';
import type { MirantisClient, RepositorySettings as MirantisSettings } from '../../mirantis/api.ts';
import { refusalOf } from '../../mirantis/refusals.ts';
import { type CommonSettings, MIRANTIS } from './common-settings.ts';
import { readEach, type SettingsRegistry } from './settings-registry.ts';

/** Error code of the API for a repository that another client has created meanwhile. */
const EXISTS = 'REPOSITORY_EXISTS';

const NO_NAMESPACE_HINT =
  'the target needs the organization or account first: helm airgap access apply writes those of another registry';

/** Settings of repositories in Mirantis Secure Registry. Takes over the client. */
export function mirantisSettings(client: MirantisClient): SettingsRegistry {
  return {
    kind: MIRANTIS,
    read: (paths) =>
      readEach(paths, async (path) => {
        const found = await client.getRepository(...namesOf(path));
        return found && fromMirantis(found);
      }),
    async create(path, settings) {
      const [namespace, name] = namesOf(path);
      try {
        await client.createRepository(namespace, { name, ...toMirantis(settings) });
      } catch (error) {
        const { status, codes = [] } = refusalOf(error) ?? {};
        if (status === 404) throw asAirgapError(error).with({ hint: NO_NAMESPACE_HINT });
        if (!codes.includes(EXISTS)) throw error;
        await client.updateRepository(namespace, name, toMirantis(settings));
      }
    },
    async update(path, changes) {
      await client.updateRepository(...namesOf(path), toMirantis(changes));
    },
    close: () => client.close(),
  };
}

/** Divides a path into namespace and name. @throws AirgapError `unsupported` for another number of parts */
function namesOf(path: string): [namespace: string, name: string] {
  const [namespace, name, ...others] = path.split('/');
  if (namespace !== undefined && name !== undefined && others.length === 0) return [namespace, name];
  throw new AirgapError('unsupported', `${MIRANTIS.name} has repositories with two parts only, NAMESPACE/NAME`, {
    subject: path,
    hint: 'choose such names with --naming or --naming-rule',
  });
}

function fromMirantis({
  visibility,
  immutableTags,
  shortDescription,
  longDescription,
}: MirantisSettings): CommonSettings {
  return {
    ...(visibility !== undefined && { visibility }),
    ...(immutableTags !== undefined && { tags: { immutable: immutableTags, except: [] } }),
    ...(shortDescription !== undefined && { description: shortDescription }),
    ...(longDescription !== undefined && { about: longDescription }),
  };
}

function toMirantis({ visibility, tags, description, about }: CommonSettings): MirantisSettings {
  return {
    ...(visibility !== undefined && { visibility }),
    ...(tags !== undefined && { immutableTags: tags.immutable }),
    ...(description !== undefined && { shortDescription: description }),
    ...(about !== undefined && { longDescription: about }),
  };
}
