import { basename } from 'node:path';
import { AirgapError } from '../../../base/errors.ts';
import { printableLine } from '../../../base/printable.ts';
import { runStep } from '../../../base/step.ts';
import type { ToolFile } from '../../../bundle/writing/tool-files.ts';
import type { Inventory } from '../../../inventory/inventory.ts';
import { sortTools } from '../../../inventory/tool-names.ts';
import { TOOLS_READER_VERSION, TOOLS_SCHEMA_VERSION } from '../../../inventory/tools.ts';
import type { Platform } from '../../../oci/platform.ts';
import type { Context } from '../../../session/context.ts';
import { helmProgram } from './helm-programs.ts';
import { pluginArchives } from './plugin-archives.ts';

/** Tools to bundle. */
export interface ToolSources {
  /** Folder with the plugin's archives; undefined for none of them. */
  readonly packages?: string | undefined;
  /** Paths of Helm programs and of their release archives. */
  readonly helm: readonly string[];
}

/**
 * Finds the files of tools, checks and hashes them.
 * @param platforms of the plugin's archives; empty: all
 * @returns sorted by name; the same file given twice is one tool
 * @throws AirgapError `usage` for files that are no such tools or would have one name; `file`; `digest-mismatch`
 */
export function findTools(
  context: Context,
  { packages, helm }: ToolSources,
  platforms: readonly Platform[],
): Promise<readonly ToolFile[]> {
  if (packages === undefined && helm.length === 0) return Promise.resolve([]);
  return runStep(context.emit, 'reading tools', async () => {
    const tools = packages === undefined ? [] : await pluginArchives(packages, platforms);
    for (const path of helm) tools.push(await helmProgram(path, context));
    const byName = new Map<string, ToolFile>();
    for (const tool of tools) {
      const other = byName.get(tool.name);
      if (other !== undefined && other.digest !== tool.digest) {
        const files = [other.path, tool.path].map((path) => printableLine(basename(path))).join(' and ');
        throw new AirgapError('usage', `${files} would both be ${tool.name} in the bundle`, {
          hint: 'give release archives under the names that Helm publishes them by, which have the version',
        });
      }
      byName.set(tool.name, other ?? tool);
    }
    return sortTools([...byName.values()]);
  });
}

/** Returns the fields of an inventory with tools; none without. */
export function toolFields(
  tools: readonly ToolFile[],
): Partial<Pick<Inventory, 'schemaVersion' | 'minReaderVersion' | 'tools'>> {
  if (tools.length === 0) return {};
  return {
    schemaVersion: TOOLS_SCHEMA_VERSION,
    minReaderVersion: TOOLS_READER_VERSION,
    tools: tools.map(({ name, platform, size, digest, executable }) => ({ name, platform, size, digest, executable })),
  };
}
