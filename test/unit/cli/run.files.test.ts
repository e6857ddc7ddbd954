import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { CHARTS } from '../../support/charts.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { airgap } from '../../support/terminal.ts';

/** Paths that cannot be read: the error names the path and the reason in words, and has a hint. */

const folder = scratchFolder();
const chart = join(CHARTS, 'shop');
const KEY = '-----BEGIN PUBLIC KEY-----\n';
beforeAll(() => {
  mkdirSync(join(folder, 'folder'));
  writeFileSync(join(folder, 'file'), KEY);
});

describe.each(['missing', 'folder', 'file/below'])('%s', (name) => {
  const path = join(folder, name);
  it.each([
    [['push', path, '--to', 'r.example']],
    [['push', 'x.tar', '--to', 'r.example', '--ca-file', path]],
    [['push', 'x.tar', '--to', 'r.example', '--config', path]],
    [['push', 'x.tar', '--to', 'r.example', '--require-signature', path]],
    [['push', 'x.tar', '--to', 'r.example', '--lifecycle-policy', path]],
    [['verify', path]],
    [['verify', '--receipt', path]],
    [['verify', 'x.tar', '--key', path]],
    [['inspect', path]],
    [['diff', path, path]],
    [['extract', path, '--image', 'x', '--out', join(folder, 'out.tar')]],
    [['images', '--config', path]],
    [['images', chart, '--rules', path]],
    [['images', chart, '--images', path]],
    [['images', chart, '--check-lock', path]],
    [['post-render', '--map', path]],
  ])('%j', async (args) => {
    const { code, err } = await airgap(args, { HELM_BIN: '/nowhere/helm' }, folder);
    expect(code).toBeOneOf([1, 2, 3]);
    expect(err).toContain(path);
    expect(err).toMatch(/^Error: .*\nHint: ./m);
    expect(err).not.toMatch(/E[A-Z]{3,}: |, (?:open|stat|read) '|bug in helm airgap|unexpected/);
  });
});
