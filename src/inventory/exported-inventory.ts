import { open, stat } from 'node:fs/promises';
import * as z from 'zod';
import { AirgapError, messageOf } from '../base/errors.ts';
import { jsonText, quoted } from '../base/printable.ts';
import { digestSchema, formatIssues, inventorySchema, refuseNewerSchema } from './inventory.ts';
import { TOOLS_SCHEMA_VERSION } from './tools.ts';

/** A manifest or blob in a bundle, or one that a delta omits. */
const blob = z.object({
  digest: digestSchema,
  size: z.int().nonnegative(),
  /** Source repositories of an image's blob. Absent for manifests and for content of charts. */
  repositories: z.array(z.string()).optional(),
});

export const exportedInventorySchema = z.object({
  apiVersion: z.literal('airgap/v1'),
  kind: z.literal('BundleLock'),
  /** That of the inventory in it, so that older readers refuse it by its version. */
  schemaVersion: z.literal([1, TOOLS_SCHEMA_VERSION]),
  minReaderVersion: z.string().optional(),
  /** Size of the bundle in bytes. */
  size: z.int().nonnegative(),
  /** Digest of the inventory manifest, by which a delta refers to the bundle. */
  lockDigest: digestSchema,
  lock: inventorySchema,
  /** Sorted by digest. */
  blobs: z.array(blob),
});

/**
 * The inventory of a bundle as a file of its own, plus the list of all manifests and blobs, which a bundle has in its
 * archive. Can be used instead of the bundle where content is not needed.
 */
export type ExportedInventory = Readonly<z.infer<typeof exportedInventorySchema>>;
export type ExportedBlob = ExportedInventory['blobs'][number];

/** Formats the file. Equal bundles give equal text; each blob is on one line, so that diffs show new ones. */
export function formatExportedInventory({ blobs, ...rest }: ExportedInventory): string {
  const head = jsonText(rest, 1);
  const lines = blobs.map((entry) => `  ${jsonText(entry)}`);
  return `${head.slice(0, -2)},\n "blobs": [\n${lines.join(',\n')}\n ]\n}\n`;
}

/** Maximum size in bytes, far above that of an inventory of 100,000 blobs. Larger files are not inventories. */
const SIZE_LIMIT = 256 * 1024 * 1024;

/** Hint that says how to create the file. */
const EXPORT_HINT = 'create this file with helm airgap inspect OLD.tar -o lock, or give the bundle itself';

/**
 * Reads an exported inventory.
 * @returns undefined if the file does not exist or does not look like JSON, such as a bundle
 * @throws AirgapError `bundle-invalid` for other JSON documents; lists up to ten invalid fields
 */
export async function readExportedInventory(path: string): Promise<ExportedInventory | undefined> {
  const text = await readDocument(path);
  if (text === undefined) return undefined;
  const invalid = (what: string): AirgapError =>
    new AirgapError('bundle-invalid', `${path} ${what}`, { hint: EXPORT_HINT });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw invalid(`is not JSON: ${messageOf(error)}`);
  }
  const { kind } = (json ?? {}) as { kind?: unknown };
  if (kind !== 'BundleLock') {
    throw invalid(
      `${kind === undefined ? 'has no kind' : `is of kind ${quoted(String(kind))}`}; only kind BundleLock lists all blobs of a bundle`,
    );
  }
  refuseNewerSchema(json, path);
  const result = exportedInventorySchema.safeParse(json);
  if (result.success) return result.data;
  throw invalid(`does not match its schema: ${formatIssues(result.error)}`);
}

/** Reads a file that starts like a JSON object. Read errors are ignored: opening it as a bundle reports them. */
async function readDocument(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile() || found.size > SIZE_LIMIT) return undefined;
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const head = Buffer.alloc(64);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    return /^\s*\{/.test(head.toString('latin1', 0, bytesRead)) ? await file.readFile('utf8') : undefined;
  } finally {
    await file.close();
  }
}
