// Starts the program of an archive with its compiled code. Node's own compile cache would be a folder that the plugin writes to;
// this code comes with the archive, and V8 refuses it if another version or processor made it. An archive without is slower.
'use strict';
const { closeSync, openSync, readFileSync, readSync } = require('node:fs');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { Script } = require('node:vm');

const program = join(__dirname, 'airgap.cjs');
process.argv[1] = program;

/** Reads bytes of a file in this folder. */
function read(file, [offset, size]) {
  const bytes = Buffer.allocUnsafe(size);
  const descriptor = openSync(join(__dirname, file), 'r');
  try {
    if (readSync(descriptor, bytes, 0, size, offset) !== size) throw new Error(`${file} is too short`);
  } finally {
    closeSync(descriptor);
  }
  return bytes;
}

/**
 * Compiled code of the program, and where that of each chunk of rest.cjs is (scripts/package/compile.cjs); undefined if this
 * archive has none.
 */
function compiled() {
  try {
    return {
      index: JSON.parse(readFileSync(join(__dirname, 'compiled.json'), 'latin1')),
      code: readFileSync(join(__dirname, 'airgap.compiled')),
    };
  } catch {
    return undefined;
  }
}

/** Returns a function, compiled from its source, ASCII. Its file name is no path: the compiled code would depend on it. */
function compile(name, source, cachedData) {
  const script = new Script(source, { filename: name, cachedData });
  module.exports.scripts.push({ name, script });
  return script.runInThisContext();
}

/** Modules that are loaded on demand, by name: each is read and compiled by itself. */
function chunks({ index }) {
  const url = pathToFileURL(program).href;
  return new Proxy(
    {},
    {
      get: (_, name) => {
        const { source, code } = index[name];
        const text = `(importMetaUrl)=>(${read('rest.cjs', source).latin1Slice()})`;
        return compile(name, text, code && read('rest.compiled', code))(url);
      },
      ownKeys: () => Object.keys(index),
      getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
    },
  );
}

module.exports = { scripts: [], load: undefined };
const found = compiled();
if (found === undefined) module.exports.load = require(program);
else {
  const rest = chunks(found);
  const loaded = { exports: {} };
  const source = `(function(exports,require,module,__filename,__dirname){${readFileSync(program, 'latin1')}\n})`;
  const load = (name) => (name === './rest.cjs' ? rest : require(name));
  compile('airgap.cjs', source, found.code)(loaded.exports, load, loaded, program, __dirname);
  module.exports.load = loaded.exports;
}
