import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { lineOf } from '../../../../evaluation/overrides/judge.ts';
import { scratchFolder } from '../../../support/scratch.ts';

let folder: string;
beforeEach(() => {
  folder = scratchFolder();
});

function put(path: string, text: string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), text);
}

test('a literal reference has a line', () => {
  put('shop/templates/a.yaml', 'kind: Pod\nimage: busybox\n');
  expect(lineOf(folder, 'shop/templates/a.yaml', 'busybox')).toBe(2);
});

test('so has one whose tag is built, and one below an alias', () => {
  put('shop/charts/redis/templates/b.yaml', 'image: "redis:{{ .Chart.AppVersion }}"\n');
  expect(lineOf(folder, 'shop/charts/cache/templates/b.yaml', 'redis:7')).toBe(1);
});

test('a reference from values has none, nor has a part of another one', () => {
  put('shop/templates/a.yaml', 'image: {{ .Values.busybox }}\nother: busybox-extra\n');
  expect(lineOf(folder, 'shop/templates/a.yaml', 'busybox')).toBeUndefined();
  expect(lineOf(folder, 'shop/templates/none.yaml', 'busybox')).toBeUndefined();
});
