import { pool } from '../base/pool.ts';
import type { Candidate, Family, Guess } from './candidate.ts';
import type { ImageFindings } from './image.ts';

/** Existence of a reference in its registry. `unknown`: no answer, or access refused (401, 403, 429). */
export type Answer = 'there' | 'missing' | 'unknown';

export interface ConfirmOptions {
  /** Checks a normalised reference. Does not throw. */
  readonly ask: (reference: string) => Promise<Answer>;
  /** Maximum requests per scanned image. */
  readonly limit?: number;
  /** Maximum concurrent requests. */
  readonly concurrency: number;
}

export interface ConfirmedCandidate extends Candidate {
  /** Present if the registry has the image; absent if it was not asked or gave no answer. */
  readonly confirmed?: true;
}

/** Findings of an image after checks against registries. */
export interface Confirmed {
  /** Each reference once, sorted by confidence. */
  readonly candidates: readonly ConfirmedCandidate[];
  /** Names without a confirmed version: the registry gave no answer or has none of the possible versions. */
  readonly open: readonly (Guess | Family)[];
  readonly asked: number;
}

const LIMIT = 150;
/** Components checked below a prefix before it is rejected. */
const PROBES = 3;
const ORDER = { high: 0, medium: 1, low: 2 };

/**
 * Checks possible references against registries: the first existing version of each name, and the first prefix that has
 * a component of each list, followed by all components below it. Complete names are checked with the remaining requests
 * and dropped if they do not exist.
 */
export async function confirm(findings: ImageFindings, options: ConfirmOptions): Promise<Confirmed> {
  const asking = new Asking(options);
  const recombined: ConfirmedCandidate[] = [];
  const open: (Guess | Family)[] = [];
  const guesses = new Map(findings.guesses.map((guess) => [guess.possible.join(' '), guess]));
  const paired = [...guesses.values()].toSorted((a, b) => Number(b.isPaired) - Number(a.isPaired));
  await pool(paired, options.concurrency, async (guess) => {
    const found = await ofGuess(asking, guess);
    if (found === undefined) open.push(guess);
    else recombined.push(found);
  });
  for (const family of findings.families) {
    const found = await ofFamily(asking, family);
    if (found === undefined) open.push(family);
    else recombined.push(...found);
  }
  const whole = await pool(sorted(findings.candidates), options.concurrency, async (candidate) => {
    const answer = await asking.ask(candidate.reference);
    if (answer === 'missing') return [];
    return [answer === 'there' ? { ...candidate, confirmed: true as const } : candidate];
  });
  return { candidates: sorted([...whole.flat(), ...recombined]), open, asked: asking.count };
}

/** Keeps the candidate of highest confidence for each reference. */
function sorted<C extends Candidate>(candidates: readonly C[]): C[] {
  const best = new Map<string, C>();
  for (const candidate of candidates) {
    const other = best.get(candidate.reference);
    if (other === undefined || ORDER[candidate.confidence] < ORDER[other.confidence]) {
      best.set(candidate.reference, candidate);
    }
  }
  return [...best.values()].toSorted(
    (a, b) => ORDER[a.confidence] - ORDER[b.confidence] || (a.reference < b.reference ? -1 : 1),
  );
}

async function ofGuess(asking: Asking, guess: Guess): Promise<ConfirmedCandidate | undefined> {
  const { possible, isPaired } = guess;
  for (const [i, reference] of possible.entries()) {
    const answer = await asking.ask(reference);
    if (answer === 'there') return recombination(guess, reference, true);
    // Without an answer, only a version paired by the program itself is good enough.
    if (answer === 'unknown') return isPaired && i === 0 ? recombination(guess, reference, false) : undefined;
  }
  return undefined;
}

async function ofFamily(asking: Asking, family: Family): Promise<ConfirmedCandidate[] | undefined> {
  const { prefixes, members } = family;
  for (const prefix of prefixes) {
    const references = members.map((member) => prefix + member);
    let isRight = false;
    for (const reference of references.slice(0, PROBES)) {
      const answer = await asking.ask(reference);
      isRight = answer === 'there';
      // A registry that does not answer for one component will not answer for the others.
      if (answer !== 'missing') break;
    }
    if (!isRight) continue;
    const answers = await pool(references, asking.concurrency, (reference) => asking.ask(reference));
    return references.flatMap((reference, i) =>
      answers[i] === 'there' ? [recombination(family, reference, true)] : [],
    );
  }
  return undefined;
}

function recombination(found: Guess | Family, reference: string, isThere: boolean): ConfirmedCandidate {
  const { file, layer, offset, line, kind, evidence } = found;
  const place = { file, layer, ...(offset === undefined ? {} : { offset }), ...(line === undefined ? {} : { line }) };
  const confirmed = isThere ? { confirmed: true as const } : {};
  const setting = 'setting' in found && found.setting !== undefined ? { setting: found.setting } : {};
  return { ...place, reference, written: reference, kind, confidence: 'medium', evidence, ...setting, ...confirmed };
}

/** Checks each reference once, up to the request limit; further references are `unknown`. */
class Asking {
  readonly #options: ConfirmOptions;
  readonly #results = new Map<string, Promise<Answer>>();

  constructor(options: ConfirmOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#results.size;
  }

  get concurrency(): number {
    return this.#options.concurrency;
  }

  ask(reference: string): Promise<Answer> {
    const known = this.#results.get(reference);
    if (known !== undefined) return known;
    if (this.count >= (this.#options.limit ?? LIMIT)) return Promise.resolve('unknown');
    const answer = this.#options.ask(reference);
    this.#results.set(reference, answer);
    return answer;
  }
}
