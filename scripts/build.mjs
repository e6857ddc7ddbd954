/**
 * node scripts/build.mjs [FOLDER]
 *
 * Builds dist/, or FOLDER, so that an installed plugin needs only Node:
 * - airgap.cjs, what every start needs, and rest.cjs, which it reads on demand (build/container.mjs)
 * - the programs of its threads, which take their code from there
 * - each AWS SDK client in a file of its own, because only ECR needs them
 * - packages.json, the folders of the npm packages that are built in; licence comments in *.LEGAL.txt
 *
 * CommonJS, which Node starts faster than ES modules. Reading files is a part of the start, so whitespace and syntax are
 * minified; names are kept for readable stack traces.
 *
 * The sources import the version from package.json. The commit is put in here, and no time is: the same commit gives the same
 * bytes.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BANNER, entries, joinChunks } from './build/container.mjs';
import { commitOf } from './commit.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = resolve(process.argv[2] ?? join(root, 'dist'));
// Built in another folder and moved into place, so that a failed build keeps the last good one.
const fresh = join(root, '.cache', `build-${process.pid}`);

const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const awsPackages = Object.keys(dependencies).filter((name) => name.startsWith('@aws-sdk/'));

/** Leaves the AWS SDK, which the sources import only on demand, out of the other files. */
const separateAws = {
  name: 'separate AWS SDK',
  setup({ onResolve }) {
    onResolve({ filter: /^@aws-sdk\// }, ({ path, importer }) =>
      importer.startsWith(join(root, 'src')) ? { path: `./${basename(path)}.cjs`, external: true } : undefined,
    );
  },
};

/** Returns the folders of the npm packages that the program contains code of, sorted, relative to the checkout. */
function packagesIn(...metafiles) {
  const outputs = metafiles.flatMap((metafile) => Object.values(metafile.outputs));
  const inputs = outputs.flatMap((output) => Object.keys(output.inputs));
  const folders = inputs.map((path) => /node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0]);
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort();
}

try {
  const common = {
    absWorkingDir: root,
    outdir: fresh,
    bundle: true,
    platform: 'node',
    target: 'node22.19',
    minifyWhitespace: true,
    minifySyntax: true,
    logLevel: 'warning',
    plugins: [separateAws],
    // Optional, and only for XML: CycloneDX's library does without, and bills of materials are JSON.
    external: ['xmlbuilder2'],
    define: { 'import.meta.url': 'importMetaUrl', AIRGAP_COMMIT: JSON.stringify(commitOf(root)) },
    mainFields: ['module', 'main'],
    // In files of their own: the program is then plain ASCII, which Node reads faster.
    legalComments: 'external',
    metafile: true,
  };
  const program = await build({
    ...common,
    entryPoints: entries,
    format: 'esm',
    splitting: true,
    write: false,
  });
  const clients = await build({
    ...common,
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    entryPoints: Object.fromEntries(awsPackages.map((name) => [basename(name), name])),
    banner: { js: BANNER },
    // Imports on demand of Node's own modules and of the AWS SDK become require(): the program needs no ESM loader.
    supported: { 'dynamic-import': false },
  });
  for (const [name, text] of Object.entries(await joinChunks(program))) await writeFile(join(fresh, name), text);
  const packages = packagesIn(program.metafile, clients.metafile);
  await writeFile(join(fresh, 'packages.json'), `${JSON.stringify(packages, undefined, 2)}\n`);
  await mkdir(dist, { recursive: true });
  await rm(dist, { recursive: true });
  await rename(fresh, dist);
} catch (error) {
  // esbuild has already printed its errors.
  if (!error.errors) console.error(error);
  process.exitCode = 1;
} finally {
  await rm(fresh, { recursive: true, force: true });
}
