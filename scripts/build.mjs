/**
 * Builds dist/: one module an entry, with what it imports bundled in, so that an installed plugin needs Node and nothing else.
 *
 * What the sources import with `import()` becomes a file of its own under dist/chunks, read only when it is needed:
 * undici alone takes 75 ms to load and the AWS SDK more, and `helm airgap --help` needs neither.
 * Nothing is minified: it saves no time at start-up, and a stack trace stays readable.
 *
 * The version is not handled here: the sources import package.json, the one place where it is written.
 */
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Output name → source. A worker is one more line. */
const entries = { airgap: 'src/cli/main.ts' };

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
// Built aside and moved into place, so that a failed build leaves the last good one alone.
const fresh = join(root, '.cache', `build-${process.pid}`);

try {
  await build({
    absWorkingDir: root,
    entryPoints: entries,
    outdir: fresh,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.19',
    mainFields: ['module', 'main'],
    legalComments: 'eof',
    logLevel: 'warning',
    // Bundled CommonJS packages still call require() for Node's own modules.
    banner: {
      js: "import { createRequire as createRequireForBundle } from 'node:module';\nconst require = createRequireForBundle(import.meta.url);",
    },
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
