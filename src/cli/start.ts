import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire, wrap } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';
import { crc32 } from 'node:zlib';

/** Which program the build has made: part of a hash over it. */
declare const PROGRAM_ID: string;

/** Seconds after which it costs a run nothing to look whether more is compiled than is kept. */
const LONG = 5;

/** Bytes of a checksum behind the code. */
const CHECK = 4;

/**
 * Runs program.cjs with the code that V8 compiled for the last run of the same command. Node's own cache keeps what is
 * compiled while a file is loaded; most functions are compiled when they are first called, and measured that was a
 * twentieth of a short `bundle`. What V8 cannot use (another version, other flags) it refuses, and the program starts as
 * if nothing were kept.
 */
function start(): void {
  const file = join(__dirname, 'program.cjs');
  const kept = keptFile(process.env.NODE_COMPILE_CACHE, process.argv[2]);
  const cachedData = kept === undefined ? undefined : read(kept);
  // Latin-1 is read fastest, and right: the build writes all other characters as escapes, but in comments.
  const script = new Script(wrap(readFileSync(file, 'latin1')), {
    filename: file,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
  if (kept !== undefined) {
    const known = script.cachedDataRejected === false ? (cachedData?.length ?? 0) : 0;
    process.on('exit', (code) => {
      if (code === 0 && (known === 0 || process.uptime() > LONG)) keep(kept, script, known);
    });
  }
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(file), module, file, __dirname);
}

/**
 * Where the code of a command is kept, in the folder that the launcher names for such things. Undefined when there is
 * none, or when others can write to it: what lies there is run.
 */
function keptFile(base: string | undefined, command = ''): string | undefined {
  if (!base || process.env.NODE_DISABLE_COMPILE_CACHE) return undefined;
  const folder = join(base, 'program');
  try {
    // Step by step: with all folders above it at once, Node would never end in /proc.
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

/** Undefined when there is none, or a damaged one: V8 believes its code, and would crash. */
function read(file: string): Buffer | undefined {
  try {
    const content = readFileSync(file);
    const code = content.subarray(0, -CHECK);
    return crc32(code) === content.readUInt32LE(code.length) ? code : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps the code when it is more than a twentieth more than what is known, and removes that of other programs. */
function keep(file: string, script: Script, known: number): void {
  try {
    const code = script.createCachedData();
    if (code.length <= known * 1.05) return;
    const aside = `${file}.${process.pid}`;
    const check = Buffer.alloc(CHECK);
    check.writeUInt32LE(crc32(code));
    writeFileSync(aside, Buffer.concat([code, check]), { mode: 0o600 });
    renameSync(aside, file);
    const folder = dirname(file);
    for (const other of readdirSync(folder)) if (!other.startsWith(PROGRAM_ID)) rmSync(join(folder, other));
  } catch {
    // A full disk, or another run at the same moment: the next run starts as this one did.
  }
}

start();
