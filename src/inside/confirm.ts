import { pool } from '../base/pool.ts';
import type { Candidate, Family, Guess } from './candidate.ts';
import type { ImageFindings } from './image.ts';

/** What a registry says of a reference. `unknown`: it gave no answer, or none to us (401, 403, 429). */
export type Answer = 'there' | 'missing' | 'unknown';

export interface ConfirmOptions {
  /** Asks for a normalised reference. Does not fail. */
  readonly ask: (reference: string) => Promise<Answer>;
  /** Requests for one image. */
  readonly limit?: number;
  /** Requests at the same time. */
  readonly concurrency: number;
}

export interface ConfirmedCandidate extends Candidate {
  /** Whether a registry has it; absent when that was not asked, or gave no answer. */
  readonly confirmed?: true;
}

/** What an image's files name, as far as registries know it. */
export interface Confirmed {
  /** Each reference once, the surest place first. */
  readonly candidates: readonly ConfirmedCandidate[];
  /** Names whose version nobody could say: a registry gave no answer, or has none of those that are possible. */
  readonly open: readonly (Guess | Family)[];
  readonly asked: number;
}

const LIMIT = 150;
/** Names of a list that are asked for before a folder is taken for a wrong one. */
const PROBES = 3;
const ORDER = { high: 0, medium: 1, low: 2 };

/**
 * Asks registries which of the possible references exist: of a name the first version that does, of a list of components
 * the first folder that has one of them, and then each component there. What stands whole in the image is asked for as
 * far as requests are left, and left out where it does not exist.
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

/** Each reference once, as it is surest. */
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
    // Nobody else can say more, but the program said something itself.
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
      // Who gives no answer to one gives none to its neighbours.
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

/** Asks each reference once, and not more than the limit; beyond that nothing is known. */
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
