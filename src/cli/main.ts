import { loadProgram } from './program.ts';
import { runProgram } from './run.ts';

/** Word by which `plugin.complete` asks for completions. */
const COMPLETE = '__complete';

// No top-level await: the build produces CommonJS (see scripts/build.mjs).
if (process.argv[2] === COMPLETE) {
  void import('./completion/complete.ts').then(async ({ complete, completionText }) => {
    const place = { cwd: process.cwd(), env: process.env };
    // The bundle may be on a disk that does not answer.
    process.stdout.write(completionText(await complete(process.argv.slice(3), place)), () => process.exit(0));
  });
} else {
  void runProgram(loadProgram, process).then((code) => {
    process.exitCode = code;
  });
}
