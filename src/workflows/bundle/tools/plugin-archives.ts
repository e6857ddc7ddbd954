import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AirgapError } from '../../../base/errors.ts';
import { reasonOf } from '../../../base/file-failure.ts';
import { isName } from '../../../base/names.ts';
import type { ToolFile } from '../../../bundle/writing/tool-files.ts';
import { toolName } from '../../../inventory/tool-names.ts';
import { encodedOf } from '../../../oci/digest.ts';
import type { Platform } from '../../../oci/platform.ts';
import { toolFile } from './tool-file.ts';

/** File with the checksums of the archives, as `sha256sum` writes it. */
const SUMS = 'SHA256SUMS';

/** Maximum size of that file in bytes. */
const SUMS_LIMIT = 1024 * 1024;

const PACKAGE_HINT = 'write the archives with npm run package in a checkout, or name their folder with --packages';

/** An archive of the plugin, `airgap-VERSION-OS-ARCH.tgz`. */
interface PluginArchive {
  readonly name: string;
  readonly version: string;
  readonly platform: string;
}

/**
 * Chooses the plugin's archives in a folder and checks them against its SHA256SUMS.
 * @param wanted platforms; empty: all that the folder has. A variant is ignored, as archives have none
 * @throws AirgapError `file` if a platform has no archive; `usage` if it has several; `digest-mismatch`
 */
export async function pluginArchives(folder: string, wanted: readonly Platform[]): Promise<ToolFile[]> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new AirgapError('file', `no archives of the plugin: ${folder}: ${reasonOf(cause)}`, {
      hint: PACKAGE_HINT,
      cause,
    });
  });
  const archives = names.sort().flatMap((name) => pluginArchive(name) ?? []);
  if (archives.length === 0)
    throw new AirgapError('file', `${folder} has no archives of the plugin`, { hint: PACKAGE_HINT });
  const byPlatform = Map.groupBy(archives, ({ platform }) => platform);
  const platforms = wanted.map(({ os, architecture }) => `${os}/${architecture}`);
  const chosen = [...new Set(platforms.length === 0 ? byPlatform.keys() : platforms)].map((platform) => {
    const [archive, other] = byPlatform.get(platform) ?? [];
    if (archive === undefined) {
      throw new AirgapError('file', `${folder} has no archive of the plugin for ${platform}`, {
        hint: `it has archives for ${[...byPlatform.keys()].join(', ')}`,
      });
    }
    if (other === undefined) return archive;
    throw new AirgapError('usage', `${folder} has ${archive.name} and ${other.name}`, {
      hint: 'give a folder with the archives of one version',
    });
  });
  const sums = await readSums(folder);
  return Promise.all(
    chosen.map(async ({ name, platform }) => {
      const path = join(folder, name);
      const expected = sums.get(name);
      if (expected === undefined)
        throw new AirgapError('digest-mismatch', `${join(folder, SUMS)} does not list ${name}`, { hint: PACKAGE_HINT });
      const tool = await toolFile(path, { name, platform });
      if (encodedOf(tool.digest) === expected) return tool;
      throw new AirgapError('digest-mismatch', `${path} does not match ${SUMS} beside it`, { hint: PACKAGE_HINT });
    }),
  );
}

/** Reads the name of an archive; returns undefined for other files. */
function pluginArchive(name: string): PluginArchive | undefined {
  if (!isName('file name', name) || !name.startsWith('airgap-') || !name.endsWith('.tgz')) return undefined;
  const parts = name.slice('airgap-'.length, -'.tgz'.length).split('-');
  const [architecture = '', os = ''] = [parts.pop(), parts.pop()];
  const version = parts.join('-');
  if (!isName('chart version', version) || !/^[a-z0-9]{1,32}$/.test(os) || !/^[a-z0-9]{1,32}$/.test(architecture))
    return undefined;
  return { name, version, platform: `${os}/${architecture}` };
}

/** Reads checksums in hexadecimal by file name; those of a bundle have the folder, too. @throws AirgapError `file` */
async function readSums(folder: string): Promise<ReadonlyMap<string, string>> {
  const path = join(folder, SUMS);
  const fail = (reason: string, cause?: unknown): never => {
    throw new AirgapError('file', `the checksums of the archives cannot be read: ${path}: ${reason}`, {
      hint: PACKAGE_HINT,
      cause,
    });
  };
  try {
    const found = await stat(path);
    if (!found.isFile() || found.size > SUMS_LIMIT) return fail(`it is not a file of at most ${SUMS_LIMIT} bytes`);
    const lines = (await readFile(path, 'utf8')).split('\n');
    return new Map(
      lines.flatMap((line) => {
        const [, sum, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
        return sum === undefined || name === undefined ? [] : [[toolName(name) ?? name, sum] as const];
      }),
    );
  } catch (error) {
    return error instanceof AirgapError ? Promise.reject(error) : fail(reasonOf(error), error);
  }
}
