import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import type { FileFindings, Subject } from './candidate.ts';
import { isElf } from './elf.ts';
import { readLayer } from './layer.ts';
import { newestOf } from './newest.ts';
import { namesInProgram } from './program.ts';
import type { Entry, Taker } from './tar-stream.ts';
import { namesInFile } from './text.ts';

/** Layer of an image; layers are ordered from the bottom up. */
export interface Layer {
  readonly digest: string;
  /** Opens the stored blob. Called again if the layer has to be read a second time. */
  readonly open: () => Promise<Readable>;
}

/** Options of {@link scanImage}. */
export interface ScanOptions extends Subject {
  /** Words of the commands that the image runs: entrypoint, command, and their overrides in manifests. */
  readonly programs: readonly string[];
  /** Called before each file is scanned, which may take a second for a program. */
  readonly begin?: (file: string) => void;
}

/** Findings in the files of an image. */
export interface ImageFindings extends Omit<FileFindings, 'givenUp'> {
  /** Files and layers that were not (fully) scanned: `path: reason`. */
  readonly givenUp: readonly string[];
  /** Number of names in manifests of older releases next to newer ones; only counted. */
  readonly older: number;
  /** Bytes of programs and texts that were scanned. */
  readonly programBytes: number;
  readonly textBytes: number;
}

const LARGEST_PROGRAM = 300 * 1024 * 1024;
/** A smaller program has no room for Go's runtime. */
const SMALLEST_PROGRAM = 256 * 1024;
const LARGEST_TEXT = 5 * 1024 * 1024;
const ALL_TEXTS = 100 * 1024 * 1024;
const MOST_PROGRAMS = 6;
/** Maximum names in texts; an operator with manifests of all its releases has some thousand. */
const MOST_NAMES = 20_000;
/** Maximum skipped files that are named; the others are counted. */
const MOST_REASONS = 20;
/** Maximum large files and whiteouts; images have some hundred of either. */
const MOST_FILES = 20_000;
const MOST_REMOVALS = 5000;
/** PATH_MAX of Linux. */
const LONGEST_PATH = 4096;
const TEXT = /\.(?:ya?ml|json)$/i;
/** Files of base images, licenses, documentation and test data. */
const OF_THE_SYSTEM =
  /^(?:usr(?!\/local\/)|lib(?:32|64)?|etc\/ssl|etc\/pki|proc|sys|dev)\/|(?:^|\/)(?:node_modules|site-packages|licenses?|testdata|docs?)\//i;

/**
 * Searches the files of an image for names of other images: the programs that it runs, and its YAML and JSON files.
 * Streams one layer after another and holds one program in memory at a time.
 */
export async function scanImage(layers: readonly Layer[], options: ScanOptions): Promise<ImageFindings> {
  const scan = new ImageScan(options);
  for (const layer of layers) await scan.scanLayer(layer);
  // A link may be in a later entry than its target; then the layer of the target is read again.
  for (const layer of layers.filter(({ digest }) => scan.isMissed(digest))) await scan.scanLayer(layer, true);
  return scan.findings();
}

/** Scan of one image, layer by layer. Files of later layers replace those of earlier ones. */
export class ImageScan {
  readonly #options: ScanOptions;
  readonly #programPaths: Set<string>;
  readonly #files = new Map<string, FileFindings & { readonly isText: boolean }>();
  /** Large files that no command had named when they were read, with their layer. */
  readonly #otherPrograms = new Map<string, string>();
  readonly #skipped: string[] = [];
  /** Number of skipped files that are not named. */
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

  /** Checks if the layer holds a program that was skipped before a link to it was found. */
  isMissed(digest: string): boolean {
    return [...this.#otherPrograms].some(([path, layer]) => layer === digest && this.#isRun(path));
  }

  /**
   * Scans a layer.
   * @param isAgain scans only programs that were missed in the first pass
   */
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
      givenUp: [
        ...this.#skipped,
        ...reasons,
        ...(this.#moreSkipped === 0 ? [] : [`number of further files: ${this.#moreSkipped}`]),
      ],
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

  /** Applies a whiteout of a file or an opaque whiteout of a folder (OCI image layer specification). */
  #remove(path: string, name: string): void {
    const folder = posix.dirname(path);
    const gone = name === '.wh..wh..opq' ? folder : posix.join(folder, name.slice(4));
    for (const file of this.#files.keys()) {
      if (file === gone || file.startsWith(`${gone}/`)) this.#files.delete(file);
    }
  }

  /** Checks if a command names the path, or its file name if the command has no path. */
  #isRun(path: string): boolean {
    return this.#programPaths.has(path) || this.#programPaths.has(`*/${posix.basename(path)}`);
  }

  #text(path: string, size: number, layer: string): Taker | undefined {
    if (size <= LARGEST_TEXT) this.#textBytes += size;
    if (size > LARGEST_TEXT || this.#textBytes > ALL_TEXTS) {
      const limit = size > LARGEST_TEXT ? LARGEST_TEXT : ALL_TEXTS;
      return this.#skip(path, `exceeds the limit of ${limit / 1024 / 1024} MiB for text files`);
    }
    if (this.#names >= MOST_NAMES) return this.#skip(path, `the limit of ${MOST_NAMES} names was reached`);
    return this.#collect(path, size, (bytes) => {
      const candidates = namesInFile(bytes.toString('utf8'), { file: path, layer });
      this.#names += candidates.length;
      if (candidates.length > 0) this.#files.set(path, { candidates, guesses: [], families: [], isText: true });
    });
  }

  #program(path: string, size: number, layer: string): Taker | undefined {
    this.#otherPrograms.delete(path);
    if (size > LARGEST_PROGRAM || this.#programs >= MOST_PROGRAMS) {
      return this.#skip(
        path,
        size > LARGEST_PROGRAM
          ? `a program of ${size} bytes is too large`
          : `the limit of ${MOST_PROGRAMS} programs was reached`,
      );
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

  /** Collects the body of an entry in memory. */
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

/** Returns the program paths in a word of a command, which may be a shell script. */
function pathsIn(word: string): string[] {
  return word.split(/[\s;&|'"]+/).flatMap((part) => {
    const path = part.replace(/^(?:\.?\/)+/, '');
    if (path === '' || path.startsWith('-') || !/^[\w./@+-]+$/.test(path)) return [];
    return part.startsWith('/') ? [path] : [path, `*/${posix.basename(path)}`];
  });
}
