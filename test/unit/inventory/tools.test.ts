import { describe, expect, it } from 'vitest';
import { formatInventory, type Inventory, parseInventory } from '../../../src/inventory/inventory.ts';
import { formatToolSums } from '../../../src/inventory/tool-names.ts';
import type { Digest } from '../../../src/oci/digest.ts';

const digest: Digest = `sha256:${'a'.repeat(64)}`;
const tool = { name: 'helm-v4.1.4-linux-amd64', platform: 'linux/amd64', size: 5, digest, executable: true as const };
const inventory: Inventory = {
  apiVersion: 'airgap/v1',
  kind: 'Lock',
  schemaVersion: 2,
  platforms: [],
  charts: [],
  images: [],
  minReaderVersion: '0.1.0',
  tools: [tool],
};

const parse = (tools: unknown, changes: object = {}): Inventory =>
  parseInventory(Buffer.from(JSON.stringify({ ...inventory, tools, ...changes })));

describe('the tools of an inventory', () => {
  it('read back as they were written', () => {
    expect(parseInventory(formatInventory(inventory))).toEqual(inventory);
    expect(formatInventory(parseInventory(formatInventory(inventory)))).toEqual(formatInventory(inventory));
  });

  it.each([
    ...['../x', '/etc/passwd', 'a/b', '', '.', '..', '.hidden', '-rf', 'a\u0000b', 'a\nb', 'a\u001b[2J', 'ä', 'a b'],
    ...['SHA256SUMS', 'sha256sums', 'x'.repeat(300), 'a\\b', 'C:x'],
  ])('are not named %j', (name) => {
    expect(() => parse([{ ...tool, name }])).toThrow('tools.0.name');
  });

  it('have names that differ in more than case', () => {
    expect(() => parse([tool, { ...tool, name: tool.name.toUpperCase() }])).toThrow('tools.1.name');
    expect(() => parse([tool, tool])).toThrow('tools.1.name');
  });

  it.each([
    ['size', -1],
    ['size', 1.5],
    ['size', '5'],
    ['digest', 'sha256:abc'],
    ['digest', `sha512:${'a'.repeat(128)}`],
    ['platform', 'linux/amd64\u001b[2J'],
    ['platform', '../..'],
    ['executable', 'yes'],
  ])('have a valid %s: not %j', (field, value) => {
    expect(() => parse([{ ...tool, [field]: value }])).toThrow(`tools.0.${field}`);
  });

  it('are in no inventory of a version whose readers ignore them', () => {
    expect(() => parse([tool], { schemaVersion: 1 })).toThrow('tools: ');
  });

  it('are limited in number', () => {
    expect(() => parse(Array.from({ length: 1001 }, (_, i) => ({ ...tool, name: `t${i}` })))).toThrow('tools: ');
  });

  it('have sums in the order of their names', () => {
    const sums = Buffer.from(formatToolSums([tool, { ...tool, name: 'airgap.tgz' }])).toString();
    expect(sums).toBe(`${'a'.repeat(64)}  tools/airgap.tgz\n${'a'.repeat(64)}  tools/${tool.name}\n`);
  });
});
