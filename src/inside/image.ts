import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import type { FileFindings, Subject } from './candidate.ts';
import { isElf } from './elf.ts';
import { readLayer } from './layer.ts';
import { newestOf } from './newest.ts';
import { namesInProgram } from './program.ts';
import type { Entry, Taker } from './tar-stream.ts';
import { namesInFile } from './text.ts';

/** One layer of an image, from the bottom up. */
export interface Layer {
  readonly digest: string;
  /** Opens the layer's blob as it is stored; more than once when the program is found late. */
  readonly open: () => Promise<Readable>;
}

/** What is to be scanned. */
export interface ScanOptions extends Subject {
  /** Words of the commands that the image runs: its entrypoint and command, and what a manifest says instead. */
  readonly programs: readonly string[];
  /** Told of each file before it is read, which may take a second for a program. */
  readonly begin?: (file: string) => void;
}

/** What an image's files name. */
export interface ImageFindings extends Omit<FileFindings, 'givenUp'> {
  /** Files and layers that were not looked at, or not to their end: `path: reason`. */
  readonly givenUp: readonly string[];
  /** Names in manifests of older releases that lie beside newer ones; they are only counted. */
  readonly older: number;
  /** Bytes of programs and of texts that were read. */
  readonly programBytes: number;
  readonly textBytes: number;
}

const LARGEST_PROGRAM = 300 * 1024 * 1024;
/** A program with less has no room for Go's runtime. */
const SMALLEST_PROGRAM = 256 * 1024;
const LARGEST_TEXT = 5 * 1024 * 1024;
const ALL_TEXTS = 100 * 1024 * 1024;
const MOST_PROGRAMS = 6;
/** Names in texts; an operator that brings all its releases along has some thousand. */
const MOST_NAMES = 20_000;
/** Files that are named as not looked at; the others are counted. */
const MOST_REASONS = 20;
/** Large files, and marks of deleted ones; images have some hundred of either. */
const MOST_FILES = 20_000;
const MOST_REMOVALS = 5000;
/** As Linux has it (PATH_MAX). */
const LONGEST_PATH = 4096;
const TEXT = /\.(?:ya?ml|json)$/i;
/** What comes with a base image, and what tells of programs instead of setting anything. */
const OF_THE_SYSTEM =
  /^(?:usr(?!\/local\/)|lib(?:32|64)?|etc\/ssl|etc\/pki|proc|sys|dev)\/|(?:^|\/)(?:node_modules|site-packages|licenses?|testdata|docs?)\//i;

/**
 * Looks into the files of an image for names of other images: the programs that it runs, and its YAML and JSON. One layer
 * after the other as they come, one program in memory at a time, nothing of them afterwards.
 */
export async function scanImage(layers: readonly Layer[], options: ScanOptions): Promise<ImageFindings> {
  const scan = new ImageScan(options);
  for (const layer of layers) await scan.scanLayer(layer);
  // A link may come after the file it points to; then that layer is read again.
  for (const layer of layers.filter(({ digest }) => scan.isMissed(digest))) await scan.scanLayer(layer, true);
  return scan.findings();
}

/** The scan of one image, a layer at a time. A later layer's file replaces an earlier one's. */
export class ImageScan {
  readonly #options: ScanOptions;
  readonly #programPaths: Set<string>;
  readonly #files = new Map<string, FileFindings & { readonly isText: boolean }>();
  /** Programs that nothing named when they came by, with their layer. */
  readonly #otherPrograms = new Map<string, string>();
  readonly #skipped: string[] = [];
  /** What was given up on beside those. */
  #moreSkipped = 0;
  #textBytes = 0;
  #names = 0;
  #whiteouts = 0;
  #programs = 0;
  #programBytes = 0;

  constructor(options: ScanOptions) {
    this.#options = options;
    this.#programPaths = new Set(options.programs.flatMap(pathsIn));
  }

  /** Whether the layer holds a program that turned out to be one that the image runs. */
  isMissed(digest: string): boolean {
    return [...this.#otherPrograms].some(([path, layer]) => layer === digest && this.#isRun(path));
  }

  /** @param isAgain only for programs that turned out to be run; all else in it is known */
  async scanLayer({ digest, open }: Layer, isAgain = false): Promise<void> {
    const visit = (entry: Entry): Taker | undefined =>
      isAgain ? this.#visitAgain(entry, digest) : this.#visit(entry, digest);
    const givenUp = await readLayer(await open(), visit);
    if (givenUp !== undefined && !isAgain) this.#skip(`layer ${digest}`, givenUp);
  }

  findings(): ImageFindings {
    const texts = [...this.#files].flatMap(([path, { isText }]) => (isText ? [path] : []));
    const newest = newestOf(texts);
    let older = 0;
    const files = [...this.#files].filter(([path, { isText, candidates }]) => {
      const isNewest = !isText || newest.has(path);
      if (!isNewest) older += candidates.length;
      return isNewest;
    });
    const found = files.map(([, findings]) => findings);
    const reasons = found.flatMap(({ givenUp }, i) => (givenUp === undefined ? [] : [`${files[i]?.[0]}: ${givenUp}`]));
    return {
      candidates: found.flatMap(({ candidates }) => candidates),
      guesses: found.flatMap(({ guesses }) => guesses),
      families: found.flatMap(({ families }) => families),
      givenUp: [...this.#skipped, ...reasons, ...(this.#moreSkipped === 0 ? [] : [`${this.#moreSkipped} more files`])],
      older,
      programBytes: this.#programBytes,
      textBytes: this.#textBytes,
    };
  }

  #visit({ path, type, size, target }: Entry, layer: string): Taker | undefined {
    if (path.length > LONGEST_PATH) return undefined;
    const name = posix.basename(path);
    if (name.startsWith('.wh.')) {
      if (this.#whiteouts++ < MOST_REMOVALS) this.#remove(path, name);
      return undefined;
    }
    if (type === 'link' && this.#isRun(path)) {
      this.#programPaths.add(posix.join('/', posix.dirname(path), target).slice(1)).add(target.replace(/^\/+/, ''));
    }
    if (type !== 'file') return undefined;
    this.#files.delete(path);
    if (TEXT.test(path) && !OF_THE_SYSTEM.test(path)) return this.#text(path, size, layer);
    if (size < SMALLEST_PROGRAM) return undefined;
    if (this.#isRun(path)) return this.#program(path, size, layer);
    if (this.#otherPrograms.size < MOST_FILES) this.#otherPrograms.set(path, layer);
    return undefined;
  }

  #visitAgain({ path, type, size }: Entry, layer: string): Taker | undefined {
    const isMissed = type === 'file' && this.#otherPrograms.get(path) === layer && this.#isRun(path);
    return isMissed ? this.#program(path, size, layer) : undefined;
  }

  /** Marks of deleted files and of folders whose earlier content is hidden (OCI image layer specification, whiteouts). */
  #remove(path: string, name: string): void {
    const folder = posix.dirname(path);
    const gone = name === '.wh..wh..opq' ? folder : posix.join(folder, name.slice(4));
    for (const file of this.#files.keys()) {
      if (file === gone || file.startsWith(`${gone}/`)) this.#files.delete(file);
    }
  }

  /** By its path, or by its name alone where the command has no path. */
  #isRun(path: string): boolean {
    return this.#programPaths.has(path) || this.#programPaths.has(`*/${posix.basename(path)}`);
  }

  #text(path: string, size: number, layer: string): Taker | undefined {
    if (size <= LARGEST_TEXT) this.#textBytes += size;
    if (size > LARGEST_TEXT || this.#textBytes > ALL_TEXTS) {
      const limit = size > LARGEST_TEXT ? LARGEST_TEXT : ALL_TEXTS;
      return this.#skip(path, `beyond ${limit / 1024 / 1024} MiB of text`);
    }
    if (this.#names >= MOST_NAMES) return this.#skip(path, `beyond ${MOST_NAMES} names`);
    return this.#collect(path, size, (bytes) => {
      const candidates = namesInFile(bytes.toString('utf8'), { file: path, layer });
      this.#names += candidates.length;
      if (candidates.length > 0) this.#files.set(path, { candidates, guesses: [], families: [], isText: true });
    });
  }

  #program(path: string, size: number, layer: string): Taker | undefined {
    this.#otherPrograms.delete(path);
    if (size > LARGEST_PROGRAM || this.#programs >= MOST_PROGRAMS) {
      return this.#skip(path, size > LARGEST_PROGRAM ? `it has ${size} bytes` : 'one program too many');
    }
    return this.#collect(path, size, (bytes) => {
      if (!isElf(bytes)) return;
      this.#programs++;
      this.#programBytes += bytes.length;
      const findings = namesInProgram(bytes, { file: path, layer }, this.#options);
      this.#files.set(path, { ...findings, isText: false });
    });
  }

  #skip(what: string, reason: string): undefined {
    if (this.#skipped.length < MOST_REASONS) this.#skipped.push(`${what}: ${reason}`);
    else this.#moreSkipped++;
  }

  /** The body in one piece. */
  #collect(path: string, size: number, use: (bytes: Buffer) => void): Taker {
    const bytes = Buffer.allocUnsafeSlow(size);
    let at = 0;
    return {
      take: (chunk) => {
        at += chunk.copy(bytes, at);
      },
      end: () => {
        this.#options.begin?.(path);
        use(bytes);
      },
    };
  }
}

/** Paths in a word of a command: the word itself, and those within a line for a shell. */
function pathsIn(word: string): string[] {
  return word.split(/[\s;&|'"]+/).flatMap((part) => {
    const path = part.replace(/^(?:\.?\/)+/, '');
    if (path === '' || path.startsWith('-') || !/^[\w./@+-]+$/.test(path)) return [];
    return part.startsWith('/') ? [path] : [path, `*/${posix.basename(path)}`];
  });
}
