import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '../../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

test("Helm 4's post-renderer has the version of package.json, and runs the program of Helm 3", () => {
  const plugin = parse(read('post-renderer/plugin.yaml')) as {
    version: string;
    name: string;
    runtimeConfig: { platformCommand: readonly { os: string; command: string }[] };
  };
  expect(plugin.version).toBe((JSON.parse(read('package.json')) as { version: string }).version);
  const [, name = ''] = /--post-renderer (airgap-[\w-]+)/.exec(read('docs/post-render.md')) ?? [];
  expect(plugin.name).toBe(name);
  expect(plugin.runtimeConfig.platformCommand.map(({ os }) => os)).toEqual(['linux', 'darwin']);
  for (const { command } of plugin.runtimeConfig.platformCommand) {
    const script = command.replace('$HELM_PLUGIN_DIR/..', root);
    expect([script, existsSync(script)]).toEqual([join(root, 'scripts/airgap-post-render'), true]);
  }
});
