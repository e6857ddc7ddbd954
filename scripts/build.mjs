/**
 * Builds dist/: program.cjs, the program with all its imports in one file, so that an installed plugin needs only Node; the
 * programs of its threads; and airgap.cjs, which starts it (src/cli/start.ts).
 *
 * CommonJS, because esbuild then evaluates modules imported with `import()` on demand, including Node's own: undici takes
 * 75 ms to load and the AWS SDK more, and `helm airgap --help` needs neither. Reading the file is the rest of the start, so
 * whitespace and syntax are minified; names are kept for readable stack traces.
 *
 * The sources import the version from package.json.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
// Built in another folder and moved into place, so that a failed build keeps the last good one.
const fresh = join(root, '.cache', `build-${process.pid}`);

const shared = {
  absWorkingDir: root,
  outdir: fresh,
  outExtension: { '.js': '.cjs' },
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node22.19',
  minifyWhitespace: true,
  minifySyntax: true,
  logLevel: 'warning',
};

try {
  await build({
    ...shared,
    entryPoints: {
      program: 'src/cli/main.ts',
      'fetch-thread': 'src/workflows/bundle/fetch-thread.ts',
      'inside-thread': 'src/operator-scan/thread.ts',
      'hash-thread': 'src/bundle/hashing/thread.ts',
    },
    // CommonJS has no `import.meta`, which the sources use to start threads from files in their own folder.
    banner: { js: "const importMetaUrl=require('node:url').pathToFileURL(__filename).href;" },
    define: { 'import.meta.url': 'importMetaUrl' },
    mainFields: ['module', 'main'],
    // The program runs as a script, which cannot import: dynamic imports become require().
    supported: { 'dynamic-import': false },
    legalComments: 'eof',
  });
  const id = createHash('sha256')
    .update(await readFile(join(fresh, 'program.cjs')))
    .digest('hex')
    .slice(0, 16);
  await build({ ...shared, entryPoints: { airgap: 'src/cli/start.ts' }, define: { PROGRAM_ID: JSON.stringify(id) } });
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
