import { compareText } from '../base/text-order.ts';
import { type Digest, encodedOf } from '../oci/digest.ts';

/** Files of a bundle's tools in its archive, without the schema library: reports use them. */

/** Folder of the tools in the archive, which has an entry: BusyBox extracts only named entries without an error. */
export const TOOLS_FOLDER = 'tools/';

/** File with the checksums of all tools, in the format of `sha256sum`; the paths are those of the archive. */
export const TOOL_SUMS_NAME = `${TOOLS_FOLDER}SHA256SUMS`;

/** Returns the name of a tool's entry in the archive. */
export function toolPath(name: string): string {
  return `${TOOLS_FOLDER}${name}`;
}

/** Returns the file name of a tool by the name of its entry; undefined for other entries. */
export function toolName(path: string): string | undefined {
  return path.startsWith(TOOLS_FOLDER) && path !== TOOL_SUMS_NAME ? path.slice(TOOLS_FOLDER.length) : undefined;
}

/** Sorts tools by name, which is their order in the archive and in the inventory. */
export function sortTools<T extends { readonly name: string }>(tools: readonly T[]): T[] {
  return [...tools].sort((a, b) => compareText(a.name, b.name));
}

/** Formats the checksums of tools for `sha256sum -c`, run where the archive was unpacked. */
export function formatToolSums(tools: readonly { readonly name: string; readonly digest: Digest }[]): Uint8Array {
  return Buffer.from(
    sortTools(tools)
      .map(({ name, digest }) => `${encodedOf(digest)}  ${toolPath(name)}\n`)
      .join(''),
  );
}
