import { basename } from 'node:path';
import { transform } from 'esbuild';

/**
 * Joins the chunks of a build with `splitting` into two CommonJS files: airgap.cjs with the chunks that every start needs, and
 * rest.cjs with those that are imported on demand. esbuild itself splits only ES modules, and Node would have to find and open
 * some hundred files. A thread has a file that loads its chunk from them.
 */

/** Sources of the program and of its threads, by the names of their files. */
export const entries = {
  airgap: 'src/cli/main.ts',
  'fetch-thread': 'src/workflows/bundle/fetch-thread.ts',
  'inside-thread': 'src/operator-scan/thread.ts',
  'hash-thread': 'src/bundle/verifying/hash-thread.ts',
};

export const threadPrograms = Object.keys(entries).filter((name) => name !== 'airgap');

/** In both files: CommonJS has no `import.meta`, which the sources use to start threads from files in their own folder. */
export const BANNER = "const importMetaUrl=require('node:url').pathToFileURL(__filename).href;";

/**
 * Modules of Node that the start imports and that `--help` does not use: loading them takes a fifth of its time
 * (2026-11-24). They are loaded at the first access. esbuild's helper for default imports copies the properties of a module to
 * an object with its prototype: that is the module again here, and nothing is copied.
 */
const LATE = ['node:crypto', 'node:child_process', 'node:fs/promises', 'node:tty'];

/** @type {import('esbuild').TransformOptions} */
const TO_COMMONJS = {
  format: 'cjs',
  platform: 'node',
  target: 'node22.19',
  minifyWhitespace: true,
  minifySyntax: true,
  // Imports on demand become require(): the program needs no ESM loader.
  supported: { 'dynamic-import': false },
  logLevel: 'warning',
};

const LOADER = `
const late=new Set(${JSON.stringify(LATE)});
const lateModule=(name)=>{
const module=new Proxy({},{
get:(_,key)=>key==='__esModule'?undefined:require(name)[key],
has:(_,key)=>key in require(name),
getPrototypeOf:()=>module
});
return module;
};
const loaded=new Map();
const load=(name)=>{
const known=loaded.get(name);
if(known!==undefined)return known.exports;
if(late.has(name)){const module={exports:lateModule(name)};loaded.set(name,module);return module.exports}
if(!name.startsWith('./')||name.endsWith('.cjs'))return require(name);
const module={exports:{}};
loaded.set(name,module);
(chunks[name]??require('./rest.cjs')[name])(module.exports,load,module);
return module.exports;
};
`;

/**
 * Returns the program of a thread. It tells by a global variable that it is one: node:worker_threads takes 4 ms to load.
 * @param {string} name without the extension
 * @param {string} loader expression that returns the function that loads chunks
 */
export const threadProgram = (name, loader) => `globalThis.isThreadOfAirgap=true;\n${loader}('./${name}.js');\n`;

/**
 * Returns the texts of both files, of those of threads, and of the licence comments.
 * @param {import('esbuild').BuildResult} result of a build with `splitting`, `metafile` and `write: false`
 */
export async function joinChunks({ outputFiles, metafile: { outputs } }) {
  const start = Object.keys(outputs).find((path) => outputs[path].entryPoint === entries.airgap);
  const needed = new Set();
  const add = (path) => {
    if (needed.has(path) || outputs[path] === undefined) return;
    needed.add(path);
    for (const { path: imported, kind } of outputs[path].imports) if (kind === 'import-statement') add(imported);
  };
  add(start);
  const neededNames = new Set([...needed].map((path) => basename(path)));
  const files = outputFiles.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const legal = files.filter(({ path }) => path.endsWith('.LEGAL.txt')).map(({ text }) => text.trim());
  const lists = { always: [], onDemand: [] };
  const chunks = files.filter(({ path }) => path.endsWith('.js'));
  const codes = await Promise.all(chunks.map(({ text }) => transform(text, TO_COMMONJS)));
  for (const [i, { code }] of codes.entries()) {
    const name = basename(chunks[i].path);
    const list = neededNames.has(name) ? lists.always : lists.onDemand;
    // scripts/package/compile.cjs finds the chunks by this form.
    list.push(`${JSON.stringify(`./${name}`)}:function(exports,require,module){${code.trimEnd()}\n}`);
  }
  const object = (list) => `{\n${list.join(',\n')}\n}`;
  return {
    'airgap.cjs': `"use strict";${BANNER}\nconst chunks=${object(lists.always)};${LOADER}module.exports=load;\nif(!globalThis.isThreadOfAirgap)load(${JSON.stringify(`./${basename(start)}`)});\n`,
    'rest.cjs': `"use strict";${BANNER}\nmodule.exports=${object(lists.onDemand)};\n`,
    ...Object.fromEntries(
      threadPrograms.map((name) => [`${name}.cjs`, threadProgram(name, "require('./airgap.cjs')")]),
    ),
    'airgap.cjs.LEGAL.txt': `${[...new Set(legal)].join('\n\n')}\n`,
  };
}
