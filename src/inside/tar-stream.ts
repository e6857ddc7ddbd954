import { Header, Pax } from 'tar';

/** One entry of an archive, without its body. */
export interface Entry {
  /** Without `./` and slashes before it. */
  readonly path: string;
  readonly type: 'file' | 'link' | 'other';
  readonly size: number;
  /** What a link points to, as it is written. */
  readonly target: string;
}

/** Whoever wants the body of an entry takes its chunks; `end` comes after the last. */
export interface Taker {
  readonly take: (chunk: Buffer) => void;
  readonly end: () => void;
}

const BLOCK = 512;
/** More files than any image has; an archive of empty entries does not go on for ever. */
const ENTRIES = 2_000_000;
/** Bytes of an extended header: a path, some attributes, and rarely a capability. */
const EXTENDED = 1024 * 1024;
const FILES = new Set(['File', 'OldFile', 'ContiguousFile']);
const EXTENSIONS = new Set([
  'ExtendedHeader',
  'OldExtendedHeader',
  'NextFileHasLongPath',
  'NextFileHasLongLinkpath',
  'OldGnuLongPath',
  'GlobalExtendedHeader',
]);

/**
 * Reads a tar archive (POSIX.1-2001 pax, GNU long names) as it comes, holding no more than a header of it. The archive is
 * not trusted; a layer that is damaged is for whoever verifies it, here it ends where it can no longer be read.
 */
export class TarStream {
  readonly #visit: (entry: Entry) => Taker | undefined;
  #pending: Buffer = Buffer.alloc(0);
  /** Bytes of the current body that are still to come, and of the padding behind it. */
  #body = 0;
  #padding = 0;
  #sink: Taker | undefined;
  #pax: Pax | undefined;
  #longPath: string | undefined;
  #count = 0;
  /** Why the rest was not read. */
  givenUp: string | undefined;
  #isDone = false;

  constructor(visit: (entry: Entry) => Taker | undefined) {
    this.#visit = visit;
  }

  /** Whether the archive has come to its end, or to where it cannot be read. */
  get isDone(): boolean {
    return this.#isDone || this.givenUp !== undefined;
  }

  write(chunk: Buffer): void {
    let left = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = Buffer.alloc(0);
    while (left.length > 0 && !this.isDone) {
      if (this.#body > 0) {
        const part = left.subarray(0, this.#body);
        this.#sink?.take(part);
        this.#body -= part.length;
        left = left.subarray(part.length);
        if (this.#body === 0) this.#endBody();
      } else if (this.#padding > 0) {
        const part = Math.min(this.#padding, left.length);
        this.#padding -= part;
        left = left.subarray(part);
      } else if (left.length < BLOCK) {
        this.#pending = Buffer.from(left);
        return;
      } else {
        this.#header(left.subarray(0, BLOCK));
        left = left.subarray(BLOCK);
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
      this.givenUp = 'it is no tar archive from some place on';
      return;
    }
    if (++this.#count > ENTRIES) {
      this.givenUp = `it has more than ${ENTRIES} entries`;
      return;
    }
    const type = String(header.type);
    if (EXTENSIONS.has(type)) {
      if (size > EXTENDED) this.givenUp = 'it has an extended header that is too large';
      else this.#startExtension(type, size);
    } else this.#startEntry(header, type, size);
    this.#body = size;
    this.#padding = (BLOCK - (size % BLOCK)) % BLOCK;
    if (size === 0) this.#endBody();
  }

  #startExtension(type: string, size: number): void {
    const chunks: Buffer[] = [];
    const end = (): void => {
      const body = Buffer.concat(chunks).toString('utf8');
      if (type === 'ExtendedHeader' || type === 'OldExtendedHeader') this.#pax = Pax.parse(body, undefined);
      else if (type === 'NextFileHasLongPath' || type === 'OldGnuLongPath') this.#longPath = body.replace(/\0.*/s, '');
    };
    this.#sink = size === 0 ? undefined : { take: (chunk) => chunks.push(Buffer.from(chunk)), end };
  }

  #startEntry(header: Header, type: string, size: number): void {
    const path = String(this.#longPath ?? this.#pax?.path ?? header.path ?? '').replace(/^(?:\.?\/+)+/, '');
    const target = String(this.#pax?.linkpath ?? header.linkpath ?? '');
    this.#pax = undefined;
    this.#longPath = undefined;
    const kind = FILES.has(type) ? 'file' : type === 'SymbolicLink' || type === 'Link' ? 'link' : 'other';
    this.#sink = this.#visit({ path, type: kind, size, target });
  }
}

/** The header of a block; undefined when its checksum does not fit, or a number in it is none. */
function readHeader(block: Buffer, pax: Pax | undefined): Header | undefined {
  const stored = Number.parseInt(block.toString('latin1', 148, 156), 8);
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK; at++) if (at < 148 || at >= 156) sum += block[at] ?? 0;
  if (sum !== stored) return undefined;
  try {
    return new Header(block, 0, pax);
  } catch {
    return undefined;
  }
}
