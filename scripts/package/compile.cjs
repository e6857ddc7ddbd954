// Writes the compiled code of the program: node compile.cjs DIST FILE. Runs `--help`, so that the functions of each start are
// in it; V8 compiles all others when they are called.
'use strict';
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');

const [folder, file] = process.argv.slice(2);
process.argv.splice(1, process.argv.length, join(folder, 'airgap.cjs'), '--help');
const script = require(join(folder, 'start.cjs'));
process.on('exit', () => writeFileSync(file, script.createCachedData()));
