import { Header, Pax } from 'tar';
import { FILE_TYPES, gnuLongName, hasValidChecksum, TAR_BLOCK } from '../../base/tar-header.ts';

/** Entry of an archive without its body. */
export interface LayerEntry {
  /** Without leading `./` or slashes. */
  readonly path: string;
  readonly type: 'file' | 'link' | 'other';
  readonly size: number;
  /** Target of a link, unresolved. */
  readonly target: string;
}

/** Receives the body of an entry in chunks, then one call of `end`. */
export interface EntrySink {
  readonly write: (chunk: Buffer) => void;
  readonly end: () => void;
}

/** Maximum entries; more than any real image has. */
const MAX_ENTRIES = 2_000_000;
/** Maximum bytes of an extended header, which holds a path and a few attributes. */
const MAX_EXTENDED_HEADER = 1024 * 1024;
const EXTENSIONS = new Set([
  'ExtendedHeader',
  'OldExtendedHeader',
  'NextFileHasLongPath',
  'NextFileHasLongLinkpath',
  'OldGnuLongPath',
  'GlobalExtendedHeader',
]);

/**
 * Streaming reader of tar archives (POSIX.1-2001 pax, GNU long names) that buffers no more than a header. The archive
 * is untrusted. Reading stops where it is damaged; verifying layers is the task of the caller.
 */
export class TarStream {
  readonly #visit: (entry: LayerEntry) => EntrySink | undefined;
  #pending: Buffer = Buffer.alloc(0);
  /** Remaining bytes of the current body and its padding. */
  #body = 0;
  #padding = 0;
  #sink: EntrySink | undefined;
  #pax: Pax | undefined;
  #longPath: string | undefined;
  #count = 0;
  /** Reason why the rest was not read. */
  stopReason: string | undefined;
  #isDone = false;

  constructor(visit: (entry: LayerEntry) => EntrySink | undefined) {
    this.#visit = visit;
  }

  /** True after the end of the archive, or where reading has stopped. */
  get isDone(): boolean {
    return this.#isDone || this.stopReason !== undefined;
  }

  write(chunk: Buffer): void {
    let remaining = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = Buffer.alloc(0);
    while (remaining.length > 0 && !this.isDone) {
      if (this.#body > 0) {
        const part = remaining.subarray(0, this.#body);
        this.#sink?.write(part);
        this.#body -= part.length;
        remaining = remaining.subarray(part.length);
        if (this.#body === 0) this.#endBody();
      } else if (this.#padding > 0) {
        const part = Math.min(this.#padding, remaining.length);
        this.#padding -= part;
        remaining = remaining.subarray(part);
      } else if (remaining.length < TAR_BLOCK) {
        this.#pending = Buffer.from(remaining);
        return;
      } else {
        this.#header(remaining.subarray(0, TAR_BLOCK));
        remaining = remaining.subarray(TAR_BLOCK);
      }
    }
  }

  #endBody(): void {
    this.#sink?.end();
    this.#sink = undefined;
  }

  #header(block: Buffer): void {
    if (block[0] === 0 && block.every((byte) => byte === 0)) {
      this.#isDone = true;
      return;
    }
    const header = readHeader(block, this.#pax);
    const size = header?.size ?? -1;
    if (header === undefined || !Number.isSafeInteger(size) || size < 0) {
      this.stopReason = 'not a valid tar archive';
      return;
    }
    if (++this.#count > MAX_ENTRIES) {
      this.stopReason = `more than ${MAX_ENTRIES} entries`;
      return;
    }
    const type = String(header.type);
    if (EXTENSIONS.has(type)) {
      if (size > MAX_EXTENDED_HEADER) this.stopReason = 'an extended header is too large';
      else this.#startExtension(type, size);
    } else this.#startEntry(header, type, size);
    this.#body = size;
    this.#padding = (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
    if (size === 0) this.#endBody();
  }

  #startExtension(type: string, size: number): void {
    const chunks: Buffer[] = [];
    const end = (): void => {
      const body = Buffer.concat(chunks);
      if (type === 'ExtendedHeader' || type === 'OldExtendedHeader')
        this.#pax = Pax.parse(body.toString('utf8'), undefined);
      else if (type === 'NextFileHasLongPath' || type === 'OldGnuLongPath') this.#longPath = gnuLongName(body);
    };
    this.#sink = size === 0 ? undefined : { write: (chunk) => chunks.push(Buffer.from(chunk)), end };
  }

  #startEntry(header: Header, type: string, size: number): void {
    const path = String(this.#longPath ?? this.#pax?.path ?? header.path ?? '').replace(/^(?:\.?\/+)+/, '');
    const target = String(this.#pax?.linkpath ?? header.linkpath ?? '');
    this.#pax = undefined;
    this.#longPath = undefined;
    const kind = FILE_TYPES.has(type) ? 'file' : type === 'SymbolicLink' || type === 'Link' ? 'link' : 'other';
    this.#sink = this.#visit({ path, type: kind, size, target });
  }
}

/** Parses a header block; undefined if its checksum or a number is invalid. */
function readHeader(block: Buffer, pax: Pax | undefined): Header | undefined {
  if (!hasValidChecksum(block)) return undefined;
  try {
    return new Header(block, 0, pax);
  } catch {
    return undefined;
  }
}
