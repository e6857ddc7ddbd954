/**
 * Builds dist/airgap.cjs: the whole program with what it imports in one file, so that an installed plugin needs Node and
 * nothing else.
 *
 * CommonJS, because esbuild then leaves what the sources import with `import()` unevaluated inside the file until it is
 * needed, Node's own modules included: undici alone takes 75 ms to start and the AWS SDK more, and `helm airgap --help`
 * needs neither. Reading the file is what is left of the start, so blanks and long syntax are taken out; names stay, and
 * with them a readable stack trace. scripts/airgap lets Node keep the compiled file.
 *
 * The version is not handled here: the sources import package.json, the one place where it is written.
 */
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
// Built aside and moved into place, so that a failed build leaves the last good one alone.
const fresh = join(root, '.cache', `build-${process.pid}`);

try {
  await build({
    absWorkingDir: root,
    entryPoints: { airgap: 'src/cli/main.ts', 'fetch-thread': 'src/workflows/fetching/thread.ts' },
    outdir: fresh,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    format: 'cjs',
    // CommonJS has no `import.meta`. The sources ask it where they are, to start a thread from the file beside them.
    banner: { js: "const importMetaUrl=require('node:url').pathToFileURL(__filename).href;" },
    define: { 'import.meta.url': 'importMetaUrl' },
    platform: 'node',
    target: 'node22.19',
    mainFields: ['module', 'main'],
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'eof',
    logLevel: 'warning',
  });
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
