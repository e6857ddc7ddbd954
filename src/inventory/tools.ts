import * as z from 'zod';
import { isName } from '../base/names.ts';
import { algorithmOf, isDigest } from '../oci/digest.ts';
import { TOOL_SUMS_NAME, toolPath } from './tool-names.ts';

/** Programs and archives that a bundle carries for its receiver, in files that `tar` alone extracts. */

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
    const seen = new Set([TOOL_SUMS_NAME.toLowerCase()]);
    for (const [i, { name }] of tools.entries()) {
      const path = toolPath(name).toLowerCase();
      if (seen.has(path)) context.addIssue({ code: 'custom', path: [i, 'name'], message: 'not a distinct name' });
      seen.add(path);
    }
  });

/** A tool in a bundle. */
export type InventoryTool = Readonly<z.infer<typeof tool>>;
