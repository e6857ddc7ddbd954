import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire, wrap } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { crc32 } from 'node:zlib';

/** Identifies the build: part of a hash of the program, set by scripts/build.mjs. */
declare const PROGRAM_ID: string;

/** Seconds of run time after which checking for newly compiled code is negligible. */
const LONG_RUN_SECONDS = 5;

/** Size in bytes of the checksum after the code. */
const CHECKSUM_BYTES = 4;

/**
 * Runs program.cjs with the code that V8 compiled during the last run of the same command. Node's own cache holds only what
 * is compiled while a file loads; most functions are compiled at their first call, which took 5 % of a short `bundle`. V8
 * rejects code of another version or other flags, and the program then starts without it.
 */
function start(): void {
  const file = join(__dirname, 'program.cjs');
  const cachePath = cacheFile(process.env.NODE_COMPILE_CACHE, process.argv[2]);
  const cachedData = cachePath === undefined ? undefined : readCache(cachePath);
  // Latin-1 decodes fastest, and correctly: the build escapes all other characters outside comments.
  const script = new Script(wrap(readFileSync(file, 'latin1')), {
    filename: file,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
  if (cachePath !== undefined) {
    const cachedBytes = script.cachedDataRejected === false ? (cachedData?.length ?? 0) : 0;
    process.on('exit', (code) => {
      if (code === 0 && (cachedBytes === 0 || process.uptime() > LONG_RUN_SECONDS))
        writeCache(cachePath, script, cachedBytes);
    });
  }
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(file), module, file, __dirname);
}

/**
 * Returns the path of the compiled code of a command, in the cache folder that the launcher sets. Undefined if there is no
 * such folder or if other users can write to it, because its content is executed.
 */
function cacheFile(base: string | undefined, command = ''): string | undefined {
  if (!base || process.env.NODE_DISABLE_COMPILE_CACHE) return undefined;
  const folder = join(base, 'program');
  try {
    // One level at a time: Node's recursive mkdir never returns in /proc.
    for (const path of [base, folder]) {
      if (!existsSync(path)) mkdirSync(path, 0o700);
      const { uid, mode } = statSync(path);
      if (uid !== process.getuid?.() || (mode & 0o022) !== 0) return undefined;
    }
  } catch {
    return undefined;
  }
  return join(folder, `${PROGRAM_ID}-${/^[a-z][a-z-]{0,30}$/.test(command) ? command : 'airgap'}`);
}

/** Returns undefined if the file is missing or damaged: V8 does not validate the code and would crash. */
function readCache(file: string): Buffer | undefined {
  try {
    const content = readFileSync(file);
    const code = content.subarray(0, -CHECKSUM_BYTES);
    return crc32(code) === content.readUInt32LE(code.length) ? code : undefined;
  } catch {
    return undefined;
  }
}

/** Stores the code if it grew by more than 5 %, and removes code of other builds. */
function writeCache(file: string, script: Script, cachedBytes: number): void {
  try {
    const code = script.createCachedData();
    if (code.length <= cachedBytes * 1.05) return;
    const temporary = `${file}.${process.pid}`;
    const checksum = Buffer.alloc(CHECKSUM_BYTES);
    checksum.writeUInt32LE(crc32(code));
    writeFileSync(temporary, Buffer.concat([code, checksum]), { mode: 0o600 });
    renameSync(temporary, file);
    const folder = dirname(file);
    for (const other of readdirSync(folder)) if (!other.startsWith(PROGRAM_ID)) rmSync(join(folder, other));
  } catch {
    // A full disk or a concurrent run: the next run starts without cached code.
  }
}

start();
