import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import type { FileFindings, ScanTarget } from './candidate.ts';
import { isElf } from './elf.ts';
import { readLayer } from './layer.ts';
import { namesInProgram } from './names-in-program.ts';
import { namesInFile } from './names-in-text.ts';
import { pathsOfNewestVersions } from './newest-versions.ts';
import type { EntrySink, LayerEntry } from './tar-stream.ts';

/** Layer of an image; layers are ordered from the bottom up. */
export interface LayerSource {
  readonly digest: string;
  /** Opens the stored blob. Called again if the layer has to be read a second time. */
  readonly open: () => Promise<Readable>;
}

/** Options of {@link scanImage}. */
export interface ScanImageOptions extends ScanTarget {
  /** Words of the commands that the image runs: entrypoint, command, and their overrides in manifests. */
  readonly commandWords: readonly string[];
  /** Called before each file is scanned, which may take a second for a program. */
  readonly onFile?: (file: string) => void;
}

/** Findings in the files of an image. */
export interface ImageFindings extends Omit<FileFindings, 'skipReason'> {
  /** Files and layers that were not (fully) scanned: `path: reason`. */
  readonly skipped: readonly string[];
  /** Number of names in manifests of older releases next to newer ones; only counted. */
  readonly olderNameCount: number;
  /** Bytes of programs and texts that were scanned. */
  readonly programBytes: number;
  readonly textBytes: number;
}

const MAX_PROGRAM_BYTES = 300 * 1024 * 1024;
/** A smaller program has no room for Go's runtime. */
const MIN_PROGRAM_BYTES = 256 * 1024;
const MAX_TEXT_BYTES = 5 * 1024 * 1024;
const MAX_ALL_TEXT_BYTES = 100 * 1024 * 1024;
const MAX_PROGRAMS = 6;
/** Maximum names in texts; an operator with manifests of all its releases has some thousand. */
const MAX_NAMES = 20_000;
/** Maximum skipped files that are named; the others are counted. */
const MAX_REASONS = 20;
/** Maximum large files and whiteouts; images have some hundred of either. */
const MAX_FILES = 20_000;
const MAX_WHITEOUTS = 5000;
/** PATH_MAX of Linux. */
const MAX_PATH = 4096;
const TEXT = /\.(?:ya?ml|json)$/i;
/** Files of base images, licenses, documentation and test data. */
const SYSTEM_PATHS =
  /^(?:usr(?!\/local\/)|lib(?:32|64)?|etc\/ssl|etc\/pki|proc|sys|dev)\/|(?:^|\/)(?:node_modules|site-packages|licenses?|testdata|docs?)\//i;

/**
 * Searches the files of an image for names of other images: the programs that it runs, and its YAML and JSON files.
 * Streams one layer after another and holds one program in memory at a time.
 */
export async function scanImage(layers: readonly LayerSource[], options: ScanImageOptions): Promise<ImageFindings> {
  const scan = new ImageScan(options);
  for (const layer of layers) await scan.scanLayer(layer);
  // A link may be in a later entry than its target; then the layer of the target is read again.
  for (const layer of layers.filter(({ digest }) => scan.hasMissedProgram(digest))) await scan.scanLayer(layer, true);
  return scan.findings();
}

/** Scan of one image, layer by layer. Files of later layers replace those of earlier ones. */
class ImageScan {
  readonly #options: ScanImageOptions;
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

  constructor(options: ScanImageOptions) {
    this.#options = options;
    this.#programPaths = new Set(options.commandWords.flatMap(programPathsIn));
  }

  /** Reports whether the layer contains a program that was skipped before a link to it was found. */
  hasMissedProgram(digest: string): boolean {
    return [...this.#otherPrograms].some(([path, layer]) => layer === digest && this.#isRun(path));
  }

  /**
   * Scans a layer.
   * @param isSecondPass scans only programs that were missed in the first pass
   */
  async scanLayer({ digest, open }: LayerSource, isSecondPass = false): Promise<void> {
    const visit = (entry: LayerEntry): EntrySink | undefined =>
      isSecondPass ? this.#visitAgain(entry, digest) : this.#visit(entry, digest);
    const skipReason = await readLayer(await open(), visit);
    if (skipReason !== undefined && !isSecondPass) this.#skip(`layer ${digest}`, skipReason);
  }

  findings(): ImageFindings {
    const texts = [...this.#files].flatMap(([path, { isText }]) => (isText ? [path] : []));
    const newest = pathsOfNewestVersions(texts);
    let olderNameCount = 0;
    const files = [...this.#files].filter(([path, { isText, candidates }]) => {
      const isNewest = !isText || newest.has(path);
      if (!isNewest) olderNameCount += candidates.length;
      return isNewest;
    });
    const found = files.map(([, findings]) => findings);
    const reasons = found.flatMap(({ skipReason }, i) =>
      skipReason === undefined ? [] : [`${files[i]?.[0]}: ${skipReason}`],
    );
    return {
      candidates: found.flatMap(({ candidates }) => candidates),
      guesses: found.flatMap(({ guesses }) => guesses),
      componentLists: found.flatMap(({ componentLists }) => componentLists),
      skipped: [
        ...this.#skipped,
        ...reasons,
        ...(this.#moreSkipped === 0 ? [] : [`number of further files: ${this.#moreSkipped}`]),
      ],
      olderNameCount,
      programBytes: this.#programBytes,
      textBytes: this.#textBytes,
    };
  }

  #visit({ path, type, size, target }: LayerEntry, layer: string): EntrySink | undefined {
    if (path.length > MAX_PATH) return undefined;
    const name = posix.basename(path);
    if (name.startsWith('.wh.')) {
      if (this.#whiteouts++ < MAX_WHITEOUTS) this.#remove(path, name);
      return undefined;
    }
    if (type === 'link' && this.#isRun(path)) {
      this.#programPaths.add(posix.join('/', posix.dirname(path), target).slice(1)).add(target.replace(/^\/+/, ''));
    }
    if (type !== 'file') return undefined;
    this.#files.delete(path);
    if (TEXT.test(path) && !SYSTEM_PATHS.test(path)) return this.#text(path, size, layer);
    if (size < MIN_PROGRAM_BYTES) return undefined;
    if (this.#isRun(path)) return this.#program(path, size, layer);
    if (this.#otherPrograms.size < MAX_FILES) this.#otherPrograms.set(path, layer);
    return undefined;
  }

  #visitAgain({ path, type, size }: LayerEntry, layer: string): EntrySink | undefined {
    const isMissed = type === 'file' && this.#otherPrograms.get(path) === layer && this.#isRun(path);
    return isMissed ? this.#program(path, size, layer) : undefined;
  }

  /** Applies a whiteout of a file or an opaque whiteout of a folder (OCI image layer specification). */
  #remove(path: string, name: string): void {
    const folder = posix.dirname(path);
    const removed = name === '.wh..wh..opq' ? folder : posix.join(folder, name.slice(4));
    for (const file of this.#files.keys()) {
      if (file === removed || file.startsWith(`${removed}/`)) this.#files.delete(file);
    }
  }

  /** Reports whether a command names the path, or its file name if the command has no path. */
  #isRun(path: string): boolean {
    return this.#programPaths.has(path) || this.#programPaths.has(`*/${posix.basename(path)}`);
  }

  #text(path: string, size: number, layer: string): EntrySink | undefined {
    if (size <= MAX_TEXT_BYTES) this.#textBytes += size;
    if (size > MAX_TEXT_BYTES || this.#textBytes > MAX_ALL_TEXT_BYTES) {
      const limit = size > MAX_TEXT_BYTES ? MAX_TEXT_BYTES : MAX_ALL_TEXT_BYTES;
      return this.#skip(path, `exceeds the limit of ${limit / 1024 / 1024} MiB for text files`);
    }
    if (this.#names >= MAX_NAMES) return this.#skip(path, `the limit of ${MAX_NAMES} names was reached`);
    return this.#collect(path, size, (bytes) => {
      const candidates = namesInFile(bytes.toString('utf8'), { file: path, layer });
      this.#names += candidates.length;
      if (candidates.length > 0) this.#files.set(path, { candidates, guesses: [], componentLists: [], isText: true });
    });
  }

  #program(path: string, size: number, layer: string): EntrySink | undefined {
    this.#otherPrograms.delete(path);
    if (size > MAX_PROGRAM_BYTES || this.#programs >= MAX_PROGRAMS) {
      return this.#skip(
        path,
        size > MAX_PROGRAM_BYTES
          ? `a program of ${size} bytes is too large`
          : `the limit of ${MAX_PROGRAMS} programs was reached`,
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
    if (this.#skipped.length < MAX_REASONS) this.#skipped.push(`${what}: ${reason}`);
    else this.#moreSkipped++;
  }

  /** Collects the body of an entry in memory. */
  #collect(path: string, size: number, onBody: (bytes: Buffer) => void): EntrySink {
    const bytes = Buffer.allocUnsafeSlow(size);
    let position = 0;
    return {
      write: (chunk) => {
        position += chunk.copy(bytes, position);
      },
      end: () => {
        this.#options.onFile?.(path);
        onBody(bytes);
      },
    };
  }
}

/** Returns the program paths in a word of a command, which may be a shell script. */
function programPathsIn(word: string): string[] {
  return word.split(/[\s;&|'"]+/).flatMap((part) => {
    const path = part.replace(/^(?:\.?\/)+/, '');
    if (path === '' || path.startsWith('-') || !/^[\w./@+-]+$/.test(path)) return [];
    return part.startsWith('/') ? [path] : [path, `*/${posix.basename(path)}`];
  });
}
