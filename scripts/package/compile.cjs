// Writes the compiled code of the program to the folder of its archive: node --hash-seed=1 compile.cjs FOLDER
//
// V8 puts those functions into it that have run: those of `--help`, which are a part of each start, and of all modules when they
// are loaded. It compiles the others when they are called. With a fixed seed of its hash tables the same program gives the same
// bytes. V8 notes the flags that it ran with, and refuses code of other flags, so those of an ordinary run are noted: what is
// compiled does not depend on the seed, which is a random number in each run.
'use strict';
const { execFileSync } = require('node:child_process');
const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

/** Where V8's SerializedCodeData has the hash of the flags (src/snapshot/code-serializer.h), 4 bytes. */
const FLAGS = 12;

const [folder] = process.argv.slice(2);
const file = (name) => join(folder, name);
const rest = readFileSync(file('rest.cjs'), 'latin1');

const index = {};
// Each chunk begins a line: "./NAME":function(exports,require,module){…
const starts = [...rest.matchAll(/^"(\.\/[\w.-]+\.js)":(?=function\(exports,require,module\)\{)/gm)];
for (const [i, { 0: head, 1: name, index: start }] of starts.entries()) {
  const end = rest.lastIndexOf('}', (starts[i + 1]?.index ?? rest.lastIndexOf('\n};\n')) - 1) + 1;
  index[name] = { source: [start + head.length, end - start - head.length] };
}
writeFileSync(file('compiled.json'), JSON.stringify(index));
writeFileSync(file('airgap.compiled'), '');

process.argv.splice(1, process.argv.length, file('airgap.cjs'), '--help');
const { scripts, load } = require(file('start.cjs'));
process.on('exit', () => {
  const flags = execFileSync(process.execPath, ['-p', `new vm.Script('').createCachedData().readUInt32LE(${FLAGS})`]);
  for (const name of Object.keys(index)) load(name);
  const parts = [];
  let offset = 0;
  for (const { name, script } of scripts) {
    const code = script.createCachedData();
    code.writeUInt32LE(Number(flags), FLAGS);
    if (name === 'airgap.cjs') {
      writeFileSync(file('airgap.compiled'), code);
      continue;
    }
    index[name].code = [offset, code.length];
    parts.push(code);
    offset += code.length;
  }
  writeFileSync(file('rest.compiled'), Buffer.concat(parts));
  writeFileSync(file('compiled.json'), JSON.stringify(index));
});
