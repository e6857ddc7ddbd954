import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const src = join(root, 'src');

/**
 * Folders of src/, from the lowest to the highest, and the folders that each may import besides itself. Imports point
 * downwards only.
 */
const transport = ['oci', 'base'];
const network = ['http', 'auth', 'registry', 'ecr', 'mirantis', ...transport];
const charts = [
  'search',
  'manifests',
  'discovery',
  'recipe',
  'value-tracing',
  'inventory',
  'naming',
  'sweep',
  'helm',
  ...transport,
];
const allowed: Record<string, readonly string[]> = {
  base: [],
  oci: ['base'],
  http: transport,
  auth: ['http', ...transport],
  registry: ['auth', 'http', ...transport],
  ecr: ['auth', 'http', ...transport],
  mirantis: ['auth', 'http', ...transport],
  naming: transport,
  lists: transport,
  helm: ['base'],
  inventory: ['helm', ...transport],
  manifests: ['helm', ...transport],
  'value-tracing': ['inventory', 'helm', ...transport],
  recipe: ['value-tracing', 'inventory', 'naming', 'helm', ...transport],
  kubernetes: ['auth', ...transport],
  openshift: ['manifests', 'inventory', 'kubernetes', 'auth', 'helm', ...transport],
  session: ['helm', ...network],
  transfer: transport,
  bundle: ['transfer', 'inventory', 'naming', ...transport],
  serve: transport,
  sigstore: transport,
  discovery: ['value-tracing', 'inventory', 'helm', ...transport],
  search: [
    'sweep',
    'manifests',
    'discovery',
    'recipe',
    'value-tracing',
    'session',
    'inventory',
    'naming',
    'helm',
    ...transport,
  ],
  sweep: ['helm', 'base'],
  'overrides/settings': charts,
  'overrides/crd': charts,
  'overrides/formats': ['ecr', 'naming', 'inventory', 'helm', 'sigstore', ...transport],
  'overrides/proof': ['overrides/settings', 'overrides/crd', ...charts],
  'overrides/additions': ['overrides/proof', 'overrides/settings', ...charts],
  'overrides/edits': ['overrides/additions', 'overrides/proof', 'overrides/settings', ...charts],
  overrides: [
    ...['settings', 'crd', 'formats', 'proof', 'additions', 'edits'].map((room) => `overrides/${room}`),
    ...['session', 'ecr'],
    ...charts,
  ],
  'operator-scan': ['discovery', 'bundle', 'transfer', 'session', 'inventory', 'registry', ...transport],
};
allowed.workflows = Object.keys(allowed);
allowed['cli/reports'] = ['workflows', 'operator-scan', 'inventory', 'oci', 'base'];
allowed['cli/progress'] = ['cli/reports', 'base'];
allowed.cli = Object.keys(allowed);

interface Import {
  readonly from: string;
  readonly to: string;
  /** Types are erased at run time, so they cause no cycle. */
  readonly typeOnly: boolean;
  /** By `import()`: loaded on demand. */
  readonly lazy: boolean;
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.split(sep).join('/'));
/** The room of a file: the longest folder of the table. */
const folderOf = (file: string): string =>
  Object.keys(allowed)
    .filter((folder) => file.startsWith(`${folder}/`))
    .sort((a, b) => b.length - a.length)[0] ?? dirname(file).replace(/^\.$/, '');

function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), 'utf8');
  const found = text.matchAll(
    /^(?:import|export)\s+(type\s)?[^;]*?from\s+'(\.[^']+)'|^import\s+'(\.[^']+)'|import\(\s*'(\.[^']+)'\s*\)/gm,
  );
  return [...found].map(([, type, named, bare, dynamic]) => ({
    from: file,
    to: relative(src, join(src, dirname(file), named ?? bare ?? dynamic ?? ''))
      .split(sep)
      .join('/'),
    typeOnly: type !== undefined,
    lazy: dynamic !== undefined,
  }));
}

const imports = files.flatMap(importsOf);

/** Returns the groups of files that import each other, directly or through others. */
function cyclesIn(edges: readonly Import[]): string[] {
  const byFile = Map.groupBy(edges, ({ from }) => from);
  const needed = new Map(
    files.map((file): [string, ReadonlySet<string>] => {
      const found = new Set(byFile.get(file)?.map(({ to }) => to));
      // The loop also visits files that it adds.
      for (const next of found) for (const { to } of byFile.get(next) ?? []) found.add(to);
      return [file, found];
    }),
  );
  const groups = files.map((file) =>
    files.filter((other) => needed.get(file)?.has(other) && needed.get(other)?.has(file)),
  );
  return [...new Set(groups.filter((group) => group.length > 0).map((group) => group.sort().join(', ')))].sort();
}

describe('the sources', () => {
  test('are read by this test', () => {
    expect(files).toContain('base/errors.ts');
    expect(imports).toContainEqual({ from: 'oci/platform.ts', to: 'base/errors.ts', typeOnly: false, lazy: false });
  });

  test('import downwards only', () => {
    const wrong = imports.filter(({ from, to }) => {
      const [mine, theirs] = [folderOf(from), folderOf(to)];
      // src/index.ts is the public API and may import anything; package.json, above src/, has the version.
      return mine !== '' && mine !== theirs && to !== '../package.json' && !allowed[mine]?.includes(theirs);
    });
    expect(wrong.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  test('have no import cycles', () => {
    // Types cause none at run time, but files that need each other's types are not understood one by one.
    expect(cyclesIn(imports)).toEqual([]);
  });

  test('load no workflow and only one package before a command runs: undici, zod and yaml would delay a help text', () => {
    const loaded = new Set(['cli/main.ts']);
    for (const file of loaded) {
      for (const { from, to, typeOnly, lazy } of imports) {
        if (from === file && !typeOnly && !lazy) loaded.add(to);
      }
    }
    const costly =
      /^(?:(?:workflows|session|operator-scan|search|http|registry|ecr|discovery|overrides|bundle|cli\/config)\/|inventory\/cyclonedx\.ts)/;
    expect([...loaded].filter((file) => costly.test(file))).toEqual([]);
    const packages = [...loaded].flatMap((file) => {
      const text = readFileSync(join(src, file), 'utf8');
      const found = text.matchAll(/^import\s+(?!type\b)([^;]*?)\s+from\s+'([^.'][^']*)'/gm);
      const isErased = (names = ''): boolean => /^\{(?:\s*type [\w ]+,?)+\s*\}$/.test(names);
      return [...found].flatMap(([, names, name = '']) => (isErased(names) || name.startsWith('node:') ? [] : name));
    });
    expect([...new Set(packages)]).toEqual(['@commander-js/extra-typings']);
  });

  test('load the operator image scan by its index, when a chart has an operator', () => {
    const wrong = imports.filter(
      ({ from, to, typeOnly, lazy }) =>
        folderOf(to) === 'operator-scan' &&
        folderOf(from) !== 'operator-scan' &&
        (to !== 'operator-scan/index.ts' || !(typeOnly || lazy)),
    );
    expect(wrong.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
    expect(imports.some(({ to, lazy }) => to === 'operator-scan/index.ts' && lazy)).toBe(true);
  });

  test('search for public names with code that neither finds references nor makes overrides', () => {
    const used = new Set(['sweep/sweep.ts']);
    for (const file of used) for (const { from, to } of imports) if (from === file) used.add(to);
    expect([...new Set([...used].map(folderOf))].sort()).toEqual(['base', 'helm', 'sweep']);
  });

  test('are in folders of the table', () => {
    const folders = new Set(files.map(folderOf).filter((folder) => folder !== ''));
    expect([...folders].filter((folder) => allowed[folder] === undefined)).toEqual([]);
  });

  test('have no vague file or folder names', () => {
    const vague = /(^|\/)(utils?|helpers?|common|misc|shared|managers?|lib)(\/|\.ts$)/;
    expect(files.filter((file) => vague.test(file))).toEqual([]);
  });

  test('have no file of more than 300 lines', () => {
    const lines = (file: string): number => readFileSync(join(src, file), 'utf8').split('\n').length - 1;
    expect(files.filter((file) => lines(file) > 300).map((file) => `${file}: ${lines(file)}`)).toEqual([]);
  });
});
