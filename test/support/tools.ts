import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ToolFile } from '../../src/bundle/writing/tool-files.ts';
import type { Inventory } from '../../src/inventory/inventory.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { toolFields } from '../../src/workflows/bundle/tools/tools.ts';
import { noise } from './memory-registry.ts';

/** Writes files that stand for tools: noise, of these sizes by name. Names without an extension are programs. */
export function toolFiles(folder: string, sizes: Readonly<Record<string, number>> = TOOL_SIZES): ToolFile[] {
  return Object.entries(sizes).map(([name, size]) => {
    const path = join(folder, name);
    const bytes = noise(name, size);
    writeFileSync(path, bytes);
    const kind = name.endsWith('gz') ? {} : { executable: true as const };
    return { name, platform: 'linux/amd64', size, digest: digestOf(bytes), ...kind, path };
  });
}

/** An archive of the plugin and a Helm program. */
const TOOL_SIZES = { 'airgap-0.1.0-linux-amd64.tgz': 50_000, 'helm-v4.1.4-linux-amd64': 20_001 };

/** Adds tools to an inventory. */
export function withTools(inventory: Inventory, tools: readonly ToolFile[]): Inventory {
  return { ...inventory, ...toolFields(tools) };
}

/** Writes the head of an ELF program for a machine (`e_machine`), followed by other bytes. */
export function elfProgram(machine: number, text = ''): Buffer {
  const head = Buffer.alloc(64);
  head.write('\x7fELF', 0, 'latin1');
  head.set([2, 1, 1, 0], 4);
  head.writeUInt16LE(machine, 18);
  return Buffer.concat([head, Buffer.from(text)]);
}
