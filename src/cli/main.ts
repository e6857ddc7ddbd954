import { loadProgram } from './program.ts';
import { runProgram } from './run.ts';

// No top-level await: the build produces CommonJS (see scripts/build.mjs).
void runProgram(loadProgram, process).then((code) => {
  process.exitCode = code;
});
