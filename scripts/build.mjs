/**
 * Builds dist/: the whole program with what it imports in one file, program.cjs, so that an installed plugin needs Node and
 * nothing else; what its threads run; and airgap.cjs, which starts it (src/cli/start.ts).
 *
 * CommonJS, because esbuild then leaves what the sources import with `import()` unevaluated inside the file until it is
 * needed, Node's own modules included: undici alone takes 75 ms to start and the AWS SDK more, and `helm airgap --help`
 * needs neither. Reading the file is what is left of the start, so blanks and long syntax are taken out; names stay, and
 * with them a readable stack trace.
 *
 * The version is not handled here: the sources import package.json, the one place where it is written.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
// Built aside and moved into place, so that a failed build leaves the last good one alone.
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
      'fetch-thread': 'src/workflows/fetching/thread.ts',
      'inside-thread': 'src/workflows/inside/thread.ts',
      'hash-thread': 'src/workflows/verifying/thread.ts',
    },
    // CommonJS has no `import.meta`. The sources ask it where they are, to start a thread from the file beside them.
    banner: { js: "const importMetaUrl=require('node:url').pathToFileURL(__filename).href;" },
    define: { 'import.meta.url': 'importMetaUrl' },
    mainFields: ['module', 'main'],
    // The program is run as a script, which may not import: what is imported later is required then.
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
  // esbuild has printed its own errors, with the source lines.
  if (!error.errors) console.error(error);
  process.exitCode = 1;
} finally {
  await rm(fresh, { recursive: true, force: true });
}
