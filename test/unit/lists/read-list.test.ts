import { describe, expect, it } from 'vitest';
import type { AirgapError } from '../../../src/base/errors.ts';
import { type ListContent, type ListFormat, readList } from '../../../src/lists/index.ts';

function read(text: string, format?: ListFormat): ListContent {
  return readList(Buffer.from(text), { file: 'list', format });
}

function problems(text: string | Uint8Array, format?: ListFormat): string[] {
  try {
    readList(Buffer.from(text), { file: 'list', format });
  } catch (error) {
    const { causes, exitCode } = error as AirgapError;
    expect(exitCode).toBe(2);
    return (causes.length === 0 ? [error as AirgapError] : causes).map(({ parts }) => parts.subject ?? '');
  }
  return expect.fail('was read');
}

describe('a list is recognised by its content', () => {
  it.each<[ListFormat, string]>([
    ['hauler', 'apiVersion: content.hauler.cattle.io/v1alpha1\nkind: Images\nspec: {images: [{name: a}]}\n'],
    ['zarf', 'kind: ZarfPackageConfig\nmetadata: {name: a}\ncomponents: [{name: a, images: [a]}]\n'],
    ['images-lock', 'apiVersion: v0\nkind: ImagesLock\nimages: [{name: a, image: a}]\n'],
    ['compose', 'version: "3"\nservices: {a: {image: b}}\n'],
    ['skopeo-sync', 'quay.io: {images: {a: ["1"]}}\n'],
    ['yaml', '- a:1\n- b:2\n'],
    ['yaml', '# comment\nimages:\n  - a:1\n'],
    ['yaml', '["a:1", "b:2"]'],
    ['shell', 'IMAGES=(a b)\n'],
    ['shell', '# comment\nset -e\nexport IMAGES="a b"\n'],
    ['shell', '#!/bin/sh\necho\nEXTRA_IMAGES="a"\n'],
    ['text', 'a:1\n# comment\nb:2\n'],
    ['text', '\ufeffquay.io/a/b:1\r\nb|1|quay.io\r\n'],
  ])('%s: %j', (format, text) => {
    expect(read(text).format).toBe(format);
  });

  it('or by a flag', () => {
    expect(read('images: [a]\n', 'yaml').images).toHaveLength(1);
    expect(problems('images: [a]\n', 'text')).toEqual(['list:1']);
  });
});

describe('no list', () => {
  it.each([
    ['nothing', ''],
    ['comments', '# a\n'],
    ['bytes', Buffer.from([0xff, 0xfe, 0x00])],
    ['YAML that is broken', 'images: [a\n'],
    ['an airgap.yaml', 'apiVersion: airgap/v1\nkind: Config\nimages: [a]\n'],
    ['a manifest', 'apiVersion: v1\nkind: Pod\nspec: {}\n'],
    ['a text that is too long', 'a\n'.repeat(2 ** 20 + 1)],
    ['a script without lists', '#!/bin/sh\nFOO=(a b)\n'],
  ])('%s is refused with its line', (_, text) => {
    expect(problems(text)[0]).toMatch(/^list:\d+$/);
  });
});

it('all problems are collected, and control characters do not reach the message', () => {
  const text = 'a:1\nB ad\nc\u001b[2J:1\n|x|\n';
  expect(problems(text)).toEqual(['list:2', 'list:3', 'list:4']);
  try {
    read(text);
  } catch (error) {
    const messages = (error as AirgapError).causes.map(({ message }) => message).join();
    expect(messages).toContain('u001b');
    expect(messages).not.toContain('\u001b');
  }
});

it('what has no place in a configuration file is named with its line', () => {
  const files = 'apiVersion: content.hauler.cattle.io/v1\nkind: Files\nspec:\n  files:\n    - path: a.sh\n';
  const images =
    '---\napiVersion: content.hauler.cattle.io/v1\nkind: Images\nspec: {images: [{name: a, rewrite: b}]}\n';
  const { notTaken } = read(files + images);
  expect(notTaken.map(({ place }) => place.line)).toEqual([5, 9]);
  expect(notTaken[0]?.what).toContain('a.sh');
});
