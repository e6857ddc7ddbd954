import { pool } from '../../base/pool.ts';
import type { Candidate, ComponentList, Guess } from './candidate.ts';
import type { ImageFindings } from './scan-image.ts';

/** Existence of a reference in its registry. `unknown`: no answer, or access denied (401, 403, 429). */
export type Existence = 'there' | 'missing' | 'unknown';

export interface ConfirmInRegistryOptions {
  /** Checks a normalized reference. Does not throw. */
  readonly checkExistence: (reference: string) => Promise<Existence>;
  /** Maximum requests per scanned image. */
  readonly limit?: number;
  /** Maximum concurrent requests. */
  readonly concurrency: number;
}

export interface ConfirmedCandidate extends Candidate {
  /** Present if the registry has the image; absent if it was not contacted or did not answer. */
  readonly confirmed?: true;
}

/** Findings of an image after checks against registries. */
export interface ConfirmedFindings {
  /** Each reference once, sorted by confidence. */
  readonly candidates: readonly ConfirmedCandidate[];
  /** Names without a confirmed version: the registry did not answer or has none of the possible versions. */
  readonly unresolved: readonly (Guess | ComponentList)[];
  readonly checkedCount: number;
}

const MAX_REQUESTS = 150;
/** Components checked below a prefix before it is rejected. */
const PREFIX_PROBES = 3;
const CONFIDENCE_ORDER = { high: 0, medium: 1, low: 2 };

/**
 * Checks possible references against registries: the first existing version of each name, and the first prefix that has
 * a component of each list, followed by all components below it. Complete names are checked with the remaining requests
 * and dropped if they do not exist.
 */
export async function confirmInRegistry(
  findings: ImageFindings,
  options: ConfirmInRegistryOptions,
): Promise<ConfirmedFindings> {
  const checker = new ExistenceChecker(options);
  const recombined: ConfirmedCandidate[] = [];
  const unresolved: (Guess | ComponentList)[] = [];
  const guesses = new Map(findings.guesses.map((guess) => [guess.possibleReferences.join(' '), guess]));
  const orderedGuesses = [...guesses.values()].toSorted((a, b) => Number(b.isPaired) - Number(a.isPaired));
  await pool(orderedGuesses, options.concurrency, async (guess) => {
    const found = await confirmGuess(checker, guess);
    if (found === undefined) unresolved.push(guess);
    else recombined.push(found);
  });
  for (const componentList of findings.componentLists) {
    const found = await confirmComponentList(checker, componentList);
    if (found === undefined) unresolved.push(componentList);
    else recombined.push(...found);
  }
  const completeNames = await pool(bestCandidates(findings.candidates), options.concurrency, async (candidate) => {
    const existence = await checker.check(candidate.reference);
    if (existence === 'missing') return [];
    return [existence === 'there' ? { ...candidate, confirmed: true as const } : candidate];
  });
  return {
    candidates: bestCandidates([...completeNames.flat(), ...recombined]),
    unresolved,
    checkedCount: checker.count,
  };
}

/** Keeps the candidate of highest confidence for each reference. */
function bestCandidates<C extends Candidate>(candidates: readonly C[]): C[] {
  const best = new Map<string, C>();
  for (const candidate of candidates) {
    const other = best.get(candidate.reference);
    if (other === undefined || CONFIDENCE_ORDER[candidate.confidence] < CONFIDENCE_ORDER[other.confidence]) {
      best.set(candidate.reference, candidate);
    }
  }
  return [...best.values()].toSorted(
    (a, b) => CONFIDENCE_ORDER[a.confidence] - CONFIDENCE_ORDER[b.confidence] || (a.reference < b.reference ? -1 : 1),
  );
}

async function confirmGuess(checker: ExistenceChecker, guess: Guess): Promise<ConfirmedCandidate | undefined> {
  const { possibleReferences, isPaired } = guess;
  for (const [i, reference] of possibleReferences.entries()) {
    const existence = await checker.check(reference);
    if (existence === 'there') return confirmedCandidate(guess, reference, true);
    // Without an answer, only a version paired by the program itself is good enough.
    if (existence === 'unknown') return isPaired && i === 0 ? confirmedCandidate(guess, reference, false) : undefined;
  }
  return undefined;
}

async function confirmComponentList(
  checker: ExistenceChecker,
  componentList: ComponentList,
): Promise<ConfirmedCandidate[] | undefined> {
  const { prefixes, components } = componentList;
  for (const prefix of prefixes) {
    const references = components.map((component) => prefix + component);
    let isMatch = false;
    for (const reference of references.slice(0, PREFIX_PROBES)) {
      const existence = await checker.check(reference);
      isMatch = existence === 'there';
      // A registry that does not answer for one component will not answer for the others.
      if (existence !== 'missing') break;
    }
    if (!isMatch) continue;
    const results = await pool(references, checker.concurrency, (reference) => checker.check(reference));
    return references.flatMap((reference, i) =>
      results[i] === 'there' ? [confirmedCandidate(componentList, reference, true)] : [],
    );
  }
  return undefined;
}

function confirmedCandidate(source: Guess | ComponentList, reference: string, exists: boolean): ConfirmedCandidate {
  const { file, layer, offset, line, kind, evidence } = source;
  const location = {
    file,
    layer,
    ...(offset === undefined ? {} : { offset }),
    ...(line === undefined ? {} : { line }),
  };
  const confirmed = exists ? { confirmed: true as const } : {};
  const setting = 'setting' in source && source.setting !== undefined ? { setting: source.setting } : {};
  return { ...location, reference, written: reference, kind, confidence: 'medium', evidence, ...setting, ...confirmed };
}

/** Checks each reference once, up to the request limit; further references are `unknown`. */
class ExistenceChecker {
  readonly #options: ConfirmInRegistryOptions;
  readonly #results = new Map<string, Promise<Existence>>();

  constructor(options: ConfirmInRegistryOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#results.size;
  }

  get concurrency(): number {
    return this.#options.concurrency;
  }

  check(reference: string): Promise<Existence> {
    const known = this.#results.get(reference);
    if (known !== undefined) return known;
    if (this.count >= (this.#options.limit ?? MAX_REQUESTS)) return Promise.resolve('unknown');
    const existence = this.#options.checkExistence(reference);
    this.#results.set(reference, existence);
    return existence;
  }
}
