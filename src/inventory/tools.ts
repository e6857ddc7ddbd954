import * as z from 'zod';
import { isName } from '../base/names.ts';
import { compareText } from '../base/text-order.ts';
import { algorithmOf, encodedOf, isDigest } from '../oci/digest.ts';

/** Programs and archives that a bundle carries for its receiver, in files that `tar` alone extracts. */

/** Folder of the tools in the archive. */
const TOOLS_FOLDER = 'tools/';

/** File with the checksums of all tools, in the format of `sha256sum`; the paths are those of the archive. */
export const TOOL_SUMS_NAME = `${TOOLS_FOLDER}SHA256SUMS`;

/** Schema version of inventories that list tools. Older readers would take the files for foreign ones. */
export const TOOLS_SCHEMA_VERSION = 2;

/** First version of helm airgap that reads it. */
export const TOOLS_READER_VERSION = '0.1.0';

/** Maximum number of tools in a bundle: programs for all platforms, in several versions. */
const MAX_TOOLS = 1000;

const tool = z.object({
  /** File name in `tools/`. */
  name: z.string().refine((name) => isName('file name', name), 'not a valid file name'),
  /** `os/architecture` that it is for. */
  platform: z
    .string()
    .regex(/^[a-z0-9]{1,32}\/[a-z0-9]{1,32}$/, 'not os/architecture')
    .optional(),
  size: z.int().nonnegative(),
  /** SHA-256 of the file. */
  digest: z
    .string()
    .refine(isDigest, 'not a digest')
    .refine((digest) => algorithmOf(digest) === 'sha256', 'not a SHA-256 digest'),
  /** A program with mode 0755; other files have 0644. */
  executable: z.literal(true).optional(),
});

/** Names differ in more than their case: file systems of macOS and Windows would keep one of two. */
export const toolsSchema = z
  .array(tool)
  .max(MAX_TOOLS)
  .superRefine((tools, context) => {
    const seen = new Set([toolPath('SHA256SUMS').toLowerCase()]);
    for (const [i, { name }] of tools.entries()) {
      const path = toolPath(name).toLowerCase();
      if (seen.has(path)) context.addIssue({ code: 'custom', path: [i, 'name'], message: 'not a distinct name' });
      seen.add(path);
    }
  });

/** A tool in a bundle. */
export type InventoryTool = Readonly<z.infer<typeof tool>>;

/** Returns the name of a tool's entry in the archive. */
export function toolPath(name: string): string {
  return `${TOOLS_FOLDER}${name}`;
}

/** Returns the file name of a tool by the name of its entry; undefined for other entries. */
export function toolName(path: string): string | undefined {
  return path.startsWith(TOOLS_FOLDER) && path !== TOOL_SUMS_NAME ? path.slice(TOOLS_FOLDER.length) : undefined;
}

/** Sorts tools by name, which is their order in the archive and in the inventory. */
export function sortTools<T extends Pick<InventoryTool, 'name'>>(tools: readonly T[]): T[] {
  return [...tools].sort((a, b) => compareText(a.name, b.name));
}

/** Formats the checksums of tools for `sha256sum -c`, run where the archive was unpacked. */
export function formatToolSums(tools: readonly InventoryTool[]): Uint8Array {
  return Buffer.from(
    sortTools(tools)
      .map(({ name, digest }) => `${encodedOf(digest)}  ${toolPath(name)}\n`)
      .join(''),
  );
}
