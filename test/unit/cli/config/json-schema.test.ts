import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseDocument } from '../../../../src/cli/config/document.ts';
import { jsonSchema, SCHEMA_NAMES } from '../../../../src/cli/config/json-schema.ts';
import { configSchema } from '../../../../src/cli/config/schema.ts';
import { formatExportedInventory } from '../../../../src/inventory/exported-inventory.ts';
import { lockFileSchema } from '../../../../src/inventory/lock-file.ts';
import { digestOf } from '../../../../src/oci/digest.ts';

/** JSON Schemas against the readers: both accept, or both refuse. */

// Editors ignore what they do not know; the schemas have nothing of the kind.
const ajv = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true });
const validators = Object.fromEntries(
  SCHEMA_NAMES.map((name) => [name, ajv.compile(JSON.parse(jsonSchema(name).text))]),
);
const accepts = (name: (typeof SCHEMA_NAMES)[number], value: unknown): boolean => validators[name]?.(value) === true;

const root = join(import.meta.dirname, '../../../..');
const HEAD = 'apiVersion: airgap/v1\nkind: Config\n';
const CONFIG = { schema: configSchema, flag: '--config', hint: '' };

/** Reports whether our reader takes a text in which no variable is replaced. */
function isRead(text: string): boolean {
  try {
    parseDocument(text, 'airgap.yaml', CONFIG);
    return true;
  } catch {
    return false;
  }
}

/** Blocks of YAML in a page that are configuration files. */
function examples(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)]
    .map(([, block = '']) => block)
    .filter((block) => block.includes('kind: Config\n'));
}

describe('airgap.yaml', () => {
  it.each(['docs/config.md', 'docs/guides/lists.md', 'docs/mirror.md'])('examples of %s are valid', (page) => {
    for (const example of examples(page))
      expect(validators.config?.(parse(example)), validators.config?.errors?.[0]?.instancePath).toBe(true);
  });

  it('the example of docs/config.md has every key', () => {
    const [example = ''] = examples('docs/config.md');
    expect(Object.keys(parse(example)).sort()).toEqual(Object.keys(configSchema.shape).sort());
  });

  it('every key is described', () => {
    const undescribed: string[] = [];
    const visit = (path: string, value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [key, field] of Object.entries((value as { properties?: object }).properties ?? {}))
        if (!('description' in field)) undescribed.push(`${path}.${key}`);
      for (const [key, field] of Object.entries(value)) visit(`${path}.${key}`, field);
    };
    visit('', JSON.parse(jsonSchema('config').text));
    expect(undescribed).toEqual([]);
  });

  const chart = (field: string): string => `charts: [{chart: x, ${field}}]`;
  it.each([
    ['nothing', '', true],
    ['a chart', chart('version: "1.10"'), true],
    ['a pattern with a reason', 'exclude: ["a*", {pattern: b, reason: c}]', true],
    ['several mirrors', 'mirrors: {a: b, c: [d, e]}', true],
    [
      'a variable for a name',
      chart(`releaseName: "$\{NAME}", namespace: "$\{NAME}", profiles: [{name: a, set: ["$\{ALL}"]}]`),
      true,
    ],
    [
      'a login',
      `logins: [{registry: r.example, username: a, password: "$\{P}"}, {registry: "$\{R}", token: "$\{T}"}]`,
      true,
    ],
    ['an unknown key', 'chart: []', false],
    ['an unknown key of a profile', chart('profiles: [{name: a, value: [b]}]'), false],
    ['another kind', 'kind: LockFile', false],
    ['a number for a version', chart('version: 1.10'), false],
    ['a chart without a name', 'charts: [{repo: a}]', false],
    ['an empty name', 'charts: [{chart: ""}]', false],
    ['a value without a name', chart('profiles: [{name: a, set: [b]}]'), false],
    ['no profile', chart('profiles: []'), false],
    ['a release name', chart('releaseName: --post-renderer=x'), false],
    ['a namespace', chart('namespace: A'), false],
    ['a registry without a name', 'from: [{tags: [^v]}]', false],
    ['a number of tags', 'from: [{registry: a, newest: 0}]', false],
    ['half a tag', 'from: [{registry: a, newest: 1.5}]', false],
    ['a text for a list', 'images: nginx', false],
    ['nothing for a list', 'images:', false],
    ['no mirror', 'mirrors: {a: []}', false],
    ['an address without TLS', 'plainHttp: ["http://a"]', false],
    ['a certificate without a file', 'clientCertificates: {a: {key: b}}', false],
    ['a password in the file', 'logins: [{registry: r, username: me, password: geheim}]', false],
    ['a token in the file', 'logins: [{registry: r, token: geheim}]', false],
    ['a part of a user name', `logins: [{registry: r, username: "a$\{ME}", password: "$\{P}"}]`, false],
    ['a password without a user', `logins: [{registry: r, password: "$\{P}"}]`, false],
    ['a token with a user', `logins: [{registry: r, username: me, token: "$\{P}"}]`, false],
    ['both', `logins: [{registry: r, username: me, token: "$\{P}", password: "$\{P}"}]`, false],
    ['neither', 'logins: [{registry: r}]', false],
    ['an address', `logins: [{registry: https://r/x, token: "$\{P}"}]`, false],
  ])('%s', (_, line, expected) => {
    const text = line.startsWith('kind:') ? `apiVersion: airgap/v1\n${line}\n` : `${HEAD}${line}\n`;
    expect(accepts('config', parse(text))).toBe(expected);
    // Names are checked after variables are replaced.
    const replaced = text.replaceAll(/\$\{(?:NAME|R)\}/g, 'r').replaceAll(`$\{ALL}`, 'a=b');
    expect(isRead(replaced)).toBe(expected);
  });
});

describe('airgap.lock', () => {
  const digest = digestOf(Buffer.from('x'));
  const image = { reference: 'nginx:1', need: 'install', confidence: 'certain' };
  const lock = { apiVersion: 'airgap/v1', kind: 'LockFile' };
  it.each<[string, object, boolean]>([
    ['nothing', {}, true],
    ['an image without a digest', { images: [image, { ...image, reference: 'a', digest: '' }] }, true],
    ['a chart', { charts: [{ name: 'a', version: 'v1.2', chart: './a', digest, profiles: [{ name: 'b' }] }] }, true],
    ['a choice', { choices: [{ rule: 'exclude', pattern: 'a', references: [] }] }, true],
    ['an unknown key', { image: [] }, false],
    ['a chart name', { charts: [{ name: '../web', version: '1.0.0' }] }, false],
    ['a chart version', { charts: [{ name: 'web', version: '1?x' }] }, false],
    ['a chart without a version', { charts: [{ name: 'a', chart: './a' }] }, false],
    ['an incomplete digest', { images: [{ ...image, digest: 'sha256:abc' }] }, false],
    ['an unknown need', { images: [{ ...image, need: 'now' }] }, false],
    ['another kind', { kind: 'Config' }, false],
  ])('%s', (_, content, expected) => {
    const value = { ...lock, ...content };
    expect(accepts('lock-file', value)).toBe(expected);
    expect(lockFileSchema.safeParse(value).success).toBe(expected);
  });
});

it('an exported inventory', () => {
  const digest = digestOf(Buffer.from('x'));
  const inventory = {
    apiVersion: 'airgap/v1' as const,
    kind: 'BundleLock' as const,
    schemaVersion: 1 as const,
    size: 1,
    lockDigest: digest,
    lock: {
      apiVersion: 'airgap/v1' as const,
      kind: 'Lock' as const,
      schemaVersion: 1 as const,
      platforms: [],
      charts: [],
      images: [],
    },
    blobs: [{ digest, size: 1 }],
  };
  const value = JSON.parse(formatExportedInventory(inventory));
  expect(accepts('inventory', value)).toBe(true);
  expect(accepts('inventory', { ...value, kind: 'Lock' })).toBe(false);
  expect(accepts('inventory', { ...value, blobs: [{ digest }] })).toBe(false);
});
