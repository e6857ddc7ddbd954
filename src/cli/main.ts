import { createProgram } from './program.ts';
import { runProgram } from './run.ts';

// No await at the top level: the build makes a CommonJS file of it (scripts/build.mjs says why).
void runProgram(createProgram, process).then((code) => {
  process.exitCode = code;
});
