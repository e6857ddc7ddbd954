import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { AirgapError } from '../../base/errors.ts';
import { describeFileFailure } from '../../base/file-failure.ts';
import { formatToolSums, sortTools, TOOL_SUMS_NAME, TOOLS_FOLDER, toolPath } from '../../inventory/tool-names.ts';
import type { InventoryTool } from '../../inventory/tools.ts';
import type { Body, Source } from '../../oci/content.ts';
import type { BlobNode } from '../../oci/graph.ts';
import { CHUNK_SIZE } from '../files/ranges.ts';
import type { MetadataFile, ToolEntry } from '../format/layout.ts';
import { type FetchOptions, fetchBlob } from './fetch-blob.ts';

/** A tool to be bundled, and the file that it is read from. */
export interface ToolFile extends InventoryTool {
  readonly path: string;
}

/** Returns the metadata files of tools and their entries, in the order of their names; none without tools. */
export function toolLayout(tools: readonly ToolFile[]): {
  readonly metadata: readonly MetadataFile[];
  readonly entries: readonly ToolEntry[];
} {
  if (tools.length === 0) return { metadata: [], entries: [] };
  return {
    metadata: [
      { name: TOOLS_FOLDER, bytes: new Uint8Array() },
      { name: TOOL_SUMS_NAME, bytes: formatToolSums(tools) },
    ],
    entries: sortTools(tools).map((tool) => ({
      name: toolPath(tool.name),
      node: toolNode(tool),
      isExecutable: tool.executable ?? false,
    })),
  };
}

/** Returns the tool as content of an archive, whose bytes are read from its file. */
function toolNode({ digest, size }: InventoryTool): BlobNode {
  return {
    descriptor: { mediaType: 'application/octet-stream', digest, size },
    // Of a source that has one file.
    repositories: [{ registry: '', path: '' }],
  };
}

/**
 * Copies a tool to its offset in the archive and verifies its digest, as `fetchBlob` does.
 * @throws AirgapError `digest-mismatch` if the file was changed since it was planned; `file`; errors of writing
 */
export async function copyTool(
  { path, ...tool }: ToolFile,
  offset: number,
  writtenBytes: number,
  options: Omit<FetchOptions, 'source'>,
): Promise<number> {
  try {
    return await fetchBlob(toolNode(tool), offset, writtenBytes, { ...options, source: fileSource(path) });
  } catch (error) {
    if (!(error instanceof AirgapError) || error.code !== 'digest-mismatch') throw error;
    throw new AirgapError('digest-mismatch', `${path} was changed while the bundle was written`, {
      hint: 'run the same command again',
      cause: error,
    });
  }
}

/** Returns a source whose only blob is a file. */
function fileSource(path: string): Source {
  return {
    manifest: () => Promise.reject(new AirgapError('image-not-found', `${path} is not a registry`)),
    blob: (_repository, { size }): Body => ({ size, open: (offset = 0, signal) => openFile(path, offset, signal) }),
  };
}

async function openFile(path: string, start: number, signal: AbortSignal | undefined): Promise<Readable> {
  const failure = (cause: unknown): AirgapError =>
    new AirgapError('file', `cannot read ${describeFileFailure(cause as Error, path)}`, { cause });
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw failure(cause);
  });
  const stream = file.createReadStream({ start, highWaterMark: CHUNK_SIZE, signal });
  // A damaged disk is no reason to try again.
  return Readable.from(
    (async function* () {
      try {
        yield* stream;
      } catch (cause) {
        throw signal?.aborted ? cause : failure(cause);
      }
    })(),
    { objectMode: false, highWaterMark: CHUNK_SIZE },
  );
}
