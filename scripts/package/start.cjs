// Starts the program of an archive with its compiled code, if the archive has some. Node's own compile cache would be a folder
// that the plugin writes to; this one comes with the archive, and V8 refuses what another version has compiled.
'use strict';
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');

const filename = `${__dirname}/airgap.cjs`;
process.argv[1] = filename;
let cachedData;
try {
  cachedData = readFileSync(`${__dirname}/airgap.cache`);
} catch {
  // Compiled code is only made for the platform that the archive was made on.
}
// Latin-1 reads faster than UTF-8, and the build escapes all other characters.
const source = `(function(exports,require,module,__filename,__dirname){${readFileSync(filename, 'latin1')}\n})`;
const script = new Script(source, { filename, cachedData });
script.runInThisContext()(exports, require, module, filename, __dirname);
module.exports = script;
