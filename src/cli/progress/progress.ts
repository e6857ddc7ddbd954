import { styleText } from 'node:util';
import type { AirgapEvent, Emit } from '../../base/events.ts';
import { printable } from '../../base/printable.ts';
import { redact } from '../../base/redact.ts';
import { estimateText } from '../reports/estimate.ts';
import { jsonLine, jsonLogger } from './log.ts';
import { Screen, type TerminalSize } from './screen.ts';
import { RunState, type Snapshot } from './state.ts';
import { retryText, statusLines, stepText, totalText, uploadText } from './text.ts';

/** Values of `--progress`. */
export const PROGRESS_CHOICES = ['auto', 'plain', 'json', 'none'] as const;
export type ProgressChoice = (typeof PROGRESS_CHOICES)[number];

export interface ProgressOptions {
  readonly choice: ProgressChoice;
  /** Shows warnings, errors and what explains a failed check only. */
  readonly isQuiet: boolean;
}

/** What progress is written to: standard error. */
export interface ProgressStream {
  write(text: string): void;
  /** Reports whether everything is written. If not, redrawn lines can be left out. */
  isIdle(): boolean;
  /** The terminal; undefined for files and pipes. */
  readonly terminal: (TerminalSize & NodeJS.WritableStream) | undefined;
}

/** A display that is redrawn, lines, lines of JSON, or nothing. */
type Mode = 'live' | 'plain' | 'json' | 'none';

/** Milliseconds between two drawings, and before the first: short runs show nothing. */
const DRAW_INTERVAL = 200;
const FIRST_DRAW = 500;
/** Milliseconds between two lines of a run, and after which a step gets a line of its own. */
const LINE_INTERVAL = 10_000;
const STEP_LINE_AFTER = 1_000;
/** Milliseconds between two checks for a line, and between two JSON objects of progress. */
const TICK = 1_000;
/** Milliseconds between two lines on retries, of which there may be hundreds. */
const RETRY_INTERVAL = 5_000;
/** Transfers of this duration in milliseconds are summed up at the end. */
const SUMMARY_AFTER = 1_000;

/** Shows events of a run on standard error. */
export class Progress {
  readonly #stream: ProgressStream;
  readonly #now: () => number;
  readonly #state: RunState;
  readonly #started: number;
  #mode: Mode;
  #isQuiet = false;
  #timer: NodeJS.Timeout | undefined;
  #screen: Screen | undefined;
  #lastLine: number;
  #lastRetry = Number.NEGATIVE_INFINITY;
  #isSummedUp = false;
  /** A server's run has no progress, however long it lasts. */
  #isListening = false;
  /** Titles of steps that have had a line. */
  readonly #shownSteps = new Set<string>();
  readonly #log: Emit;

  constructor(stream: ProgressStream, now: () => number) {
    this.#stream = stream;
    this.#now = now;
    this.#state = new RunState(now);
    this.#started = now();
    this.#lastLine = this.#started;
    this.#mode = 'plain';
    this.#log = jsonLogger(
      (line) => stream.write(line),
      () => new Date(),
    );
  }

  /** Chooses the mode, before the first event. */
  configure({ choice, isQuiet }: ProgressOptions, env: Readonly<Record<string, string | undefined>>): void {
    this.#isQuiet = isQuiet;
    this.#mode = isQuiet && choice !== 'json' ? 'none' : modeOf(choice, this.#stream.terminal !== undefined, env);
  }

  readonly emit: Emit = (event) => {
    this.#state.handle(event);
    if (this.#mode === 'json') {
      if (event.type === 'warning' || (IN_JSON.has(event.type) && !this.#isQuiet)) this.#log(event);
    } else this.#showMessage(event);
    if (event.type === 'listening') this.#isListening = true;
    if (this.#isListening) this.#stopDisplay();
    else if (this.#mode !== 'none' && !this.#isQuiet) this.#timer ??= this.#startTimer();
  };

  /** Writes a text for people: a summary, a hint. @param isNeeded not hidden by `--quiet` */
  note(text: string, isNeeded = false): void {
    if (this.#isQuiet && !isNeeded) return;
    this.makeRoom();
    if (this.#mode === 'json') this.#log({ type: 'note', message: text.trimEnd() });
    else this.#writeText(text);
  }

  /** Writes the text of a failure. */
  failure(text: string, code: string): void {
    if (this.#mode === 'json') this.#log({ type: 'failure', code, message: text.trimEnd() });
    else this.#writeText(text.replace(/^Error:/, () => this.#styled('red', 'Error:')));
  }

  /** Makes room for a result: removes the display, and sums up a transfer that is over. */
  makeRoom(): void {
    this.#screen?.clear();
    if (!this.#state.isTransferring) this.#sumUp();
  }

  /** Ends the display, and sums up what was transferred. */
  finish(): void {
    this.#stopDisplay();
    this.#sumUp();
  }

  #stopDisplay(): void {
    clearInterval(this.#timer);
    this.#screen?.clear();
    this.#screen = undefined;
  }

  /** Writes the total of a transfer that took a while, once. */
  #sumUp(): void {
    const { received, transferTime, retries } = this.#state;
    const isShown = this.#mode === 'live' || this.#mode === 'plain';
    if (!isShown || this.#isSummedUp || received === 0 || transferTime < SUMMARY_AFTER) return;
    this.#isSummedUp = true;
    this.#writeText(`transferred ${totalText(received, transferTime, retries)}`);
  }

  #startTimer(): NodeJS.Timeout {
    const isLive = this.#mode === 'live';
    const timer = setInterval(() => this.#tick(), isLive ? DRAW_INTERVAL : TICK);
    // Drawing is no reason to wait for anything.
    timer.unref();
    if (isLive) {
      this.#screen = new Screen(
        (text) => this.#stream.write(text),
        () => this.#stream.terminal ?? {},
      );
    }
    return timer;
  }

  #tick(): void {
    if (this.#mode === 'live') {
      if (this.#stream.isIdle() && this.#now() - this.#started >= FIRST_DRAW)
        this.#screen?.draw(this.#state.snapshot());
    } else if (this.#mode === 'json') {
      if (this.#stream.isIdle()) this.#writeJson(this.#state.snapshot());
    } else this.#writeLines(this.#state.snapshot());
  }

  /** Writes a line for each step that takes long, and every few seconds one for everything. */
  #writeLines(snapshot: Snapshot): void {
    if (!this.#stream.isIdle()) return;
    const now = this.#now();
    for (const step of snapshot.steps) {
      if (step.elapsed < STEP_LINE_AFTER || this.#shownSteps.has(step.title)) continue;
      this.#shownSteps.add(step.title);
      this.#writeText(stepText({ ...step, elapsed: 0 }));
    }
    if (now - this.#lastLine < LINE_INTERVAL) return;
    this.#lastLine = now;
    const lines = statusLines(snapshot);
    for (const line of lines.length > 0 ? lines : [`working for ${Math.round((now - this.#started) / 1000)} s`])
      this.#writeText(line);
  }

  #writeJson({ steps, transfer, retries }: Snapshot): void {
    if (steps.length === 0 && transfer === undefined) return;
    const seconds = (milliseconds: number | undefined): number | undefined =>
      milliseconds === undefined ? undefined : Math.round(milliseconds / 100) / 10;
    const content = {
      steps: steps.map(({ title, elapsed, items }) => ({ title, seconds: seconds(elapsed), items })),
      transfer: transfer && {
        activity: transfer.activity,
        items: transfer.items,
        bytes: transfer.bytes,
        percent: transfer.percent,
        bytesPerSecond: transfer.rate === undefined ? undefined : Math.round(transfer.rate),
        secondsLeft: seconds(transfer.timeLeft),
        idleSeconds: seconds(transfer.idle),
      },
      retries,
    };
    this.#stream.write(jsonLine(new Date(), 'progress', content));
  }

  #showMessage(event: AirgapEvent): void {
    if (event.type === 'warning') this.#writeText(`${this.#styled('yellow', 'warning:')} ${safe(event.message)}`);
    else if (event.type === 'note' && !this.#isQuiet) this.#writeText(safe(event.message));
    if (this.#mode === 'none') return;
    if (event.type === 'estimate') this.#writeText(safe(estimateText(event.estimate)));
    else if (event.type === 'upload') this.#writeText(safe(uploadText(event)));
    else if (event.type === 'retry' && this.#now() - this.#lastRetry >= RETRY_INTERVAL) {
      this.#lastRetry = this.#now();
      this.#writeText(safe(retryText(event)));
    }
  }

  #writeText(text: string): void {
    this.#screen?.clear();
    this.#stream.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  /** Colours a text if the terminal and the user allow it (`NO_COLOR`, `TERM`). */
  #styled(color: 'red' | 'yellow', text: string): string {
    const { terminal } = this.#stream;
    return terminal === undefined ? text : styleText(color, text, { stream: terminal });
  }
}

/** Events that `--progress json` writes. Blobs are summed up. */
const IN_JSON: ReadonlySet<AirgapEvent['type']> = new Set([
  'step',
  'step-end',
  'image',
  'estimate',
  'upload',
  'retry',
  'note',
  'warning',
  'failure',
]);

function modeOf(choice: ProgressChoice, isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): Mode {
  if (choice !== 'auto') return choice;
  const isCi = !['', undefined, 'false', '0'].includes(env.CI);
  return isTerminal && env.TERM !== 'dumb' && !isCi ? 'live' : 'plain';
}

function safe(text: string): string {
  return printable(redact(text));
}
