import { type Character, charactersOf, loadWidths, textWidth } from '../reports/text-width.ts';
import type { Snapshot } from './state.ts';
import { ownerFacts, ownerName, stepText, transferFacts } from './text.ts';

/** Size of a terminal. It may be wrong or missing: 0 columns are common under CI systems and serial consoles. */
export interface TerminalSize {
  readonly columns?: number;
  readonly rows?: number;
}

/** Images that are listed at most. A small display leaves less behind if the window shrinks. */
const MAX_IMAGES = 5;
const MAX_STEPS = 3;
/** Width up to which lines are filled. */
const MAX_COLUMNS = 120;

/** Lines that are drawn over and over at the bottom of a terminal. */
export class Screen {
  readonly #write: (text: string) => void;
  readonly #size: () => TerminalSize;
  /** Widths of the drawn lines, in columns. */
  #drawn: readonly number[] = [];

  constructor(write: (text: string) => void, size: () => TerminalSize) {
    this.#write = write;
    this.#size = size;
  }

  /** Replaces the drawn lines. */
  draw(snapshot: Snapshot): void {
    const { columns, rows } = usable(this.#size());
    const lines = frame(snapshot, columns, rows);
    if (lines.length === 0) {
      this.clear();
      return;
    }
    // Lines are erased one by one: erasing from the first row of the window on would copy them into tmux's history. They
    // are erased before they are written, so that a row forgets that it was the continuation of a broken line.
    const text = lines.map((line) => `${ERASE_LINE}${line}\n`).join('');
    this.#write(upBy(this.#height(columns, rows)) + text + ERASE_BELOW);
    this.#drawn = lines.map(textWidth);
    void loadWidths(lines);
  }

  /** Removes the drawn lines. */
  clear(): void {
    const { columns, rows } = usable(this.#size());
    const height = this.#height(columns, rows);
    this.#drawn = [];
    // Below is the `^C` that the terminal itself shows.
    if (height > 0) this.#write(upBy(height) + `${ERASE_LINE}\n`.repeat(height) + ERASE_BELOW + upBy(height));
  }

  /**
   * Returns the number of rows that the drawn lines take. Terminals break lines anew if the window becomes narrower, so
   * it is that at the present width.
   */
  #height(columns: number, rows: number): number {
    const height = this.#drawn.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);
    return Math.min(height, rows - 1);
  }
}

// Control functions of ECMA-48: EL, ED, CUU.
const ERASE_LINE = '\u001b[2K';
const ERASE_BELOW = '\u001b[J';
function upBy(rows: number): string {
  return rows === 0 ? '' : `\r\u001b[${rows}A`;
}

/** Columns and rows that no terminal has more of; unset ones are sometimes 65535. */
const LARGEST = 5_000;

/** Replaces numbers that no terminal has. */
function usable({ columns = 0, rows = 0 }: TerminalSize): { columns: number; rows: number } {
  const isSize = (n: number): boolean => Number.isSafeInteger(n) && n > 0 && n <= LARGEST;
  return { columns: isSize(columns) ? columns : 80, rows: isSize(rows) ? Math.max(rows, 2) : 24 };
}

/**
 * Lays out what a run is doing, in lines that are narrower than the terminal and fewer than its rows: the transfer, its
 * images, the steps.
 */
export function frame({ transfer, steps, retries }: Snapshot, columns: number, rows: number): string[] {
  const width = Math.min(columns, MAX_COLUMNS) - 1;
  const space = rows - 1;
  const head = transfer === undefined ? [] : wrapped(transferFacts(transfer, retries), width);
  const stepLines = listed(steps.map(stepText), Math.min(MAX_STEPS, Math.max(1, space - head.length)));
  const imageSpace = Math.min(MAX_IMAGES, space - head.length - stepLines.length);
  const images = (transfer?.active ?? []).map((owner) => twoColumns(ownerName(owner), ownerFacts(owner), width));
  const lines = [...head, ...listed(images, imageSpace).map((line) => `  ${line}`), ...stepLines];
  return lines.slice(0, space).map((line) => cut(line, width));
}

/** Joins facts to lines of at most `width`, the later ones indented. */
function wrapped(facts: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const fact of facts) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + fact.length + 3 <= width) lines[lines.length - 1] = `${last}, ${fact}`;
    else {
      if (last !== undefined) lines[lines.length - 1] = `${last},`;
      lines.push(last === undefined ? fact : `  ${fact}`);
    }
  }
  return lines;
}

/** Returns as many lines as there is space for, of which the last counts the rest. */
function listed(lines: readonly string[], space: number): string[] {
  if (lines.length <= space || space <= 1) return lines.slice(0, Math.max(0, space));
  return [...lines.slice(0, space - 1), `and ${lines.length - space + 1} more`];
}

/** Puts a name to the left and as many of the last facts as there is space for to the right. */
function twoColumns(name: string, facts: readonly string[], width: number): string {
  const text = facts.join(', ');
  const space = Math.min(width - 4 - text.length, MAX_NAME);
  if (space < MIN_NAME) return facts.length > 1 ? twoColumns(name, facts.slice(1), width) : cutStart(name, width - 2);
  const shown = cutStart(name, space);
  return `${shown}${' '.repeat(space - textWidth(shown))}  ${text}`;
}

/** Columns for the name of an image. */
const MIN_NAME = 12;
const MAX_NAME = 60;

/** Cuts off the end of a text that is too wide. */
function cut(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  // A title may be very long, and one character has few units.
  const shown = fitting(charactersOf(text.slice(0, 4 * width)), width - 2);
  return `${textOf(shown)}..`.slice(0, width);
}

/** Cuts off the beginning of a name that is too wide: the end with the tag tells more than the host. */
function cutStart(name: string, width: number): string {
  if (textWidth(name) <= width) return name;
  const shown = fitting(charactersOf(name.slice(-4 * width)).reverse(), width - 2);
  return `..${textOf(shown.reverse())}`.slice(0, Math.max(0, width));
}

/** Returns the first characters that fit. */
function fitting(characters: readonly Character[], width: number): Character[] {
  let used = 0;
  const end = characters.findIndex((character) => {
    used += character.width;
    return used > width;
  });
  return characters.slice(0, end < 0 ? undefined : end);
}

function textOf(characters: readonly Character[]): string {
  return characters.map(({ text }) => text).join('');
}
