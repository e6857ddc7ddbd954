import { createHmac, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AirgapError } from '../base/errors.ts';
import { limiter } from '../base/limiter.ts';

/** bcrypt: version, cost, and 53 characters of salt and hash. */
const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
/** Each step doubles the time; with 14 a login takes about two seconds. */
const MAX_COST = 14;
/** Logins that wait for their check at the same time, in all and of one address. Further ones are told to come back. */
const MAX_WAITING = 64;
const MAX_WAITING_PER_ADDRESS = 4;
/**
 * After a wrong login, so many times the time of its check pass before the next one: guesses get a quarter of the main
 * thread's time at most, and transfers the rest.
 */
const PAUSE = 3;
/** Headers whose logins are known to be good. Only users of the file get here, so there are few. */
const MAX_KNOWN = 1024;

/** Result of checking a login; `busy`: too many are being checked. */
export type LoginCheck = 'good' | 'bad' | 'busy';

/**
 * Parses an htpasswd file. Hashes other than bcrypt are refused, as docker-registry does; of several lines with the same user
 * the last one counts.
 * @returns hashes by user
 * @throws AirgapError `usage` with the line
 */
export function parseHtpasswd(text: string, file: string): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    const hash = line.slice(colon + 1).trim();
    const cost = Number(BCRYPT.exec(hash)?.[1]);
    if (colon < 1 || !(cost >= 4 && cost <= MAX_COST)) {
      const problem = cost > MAX_COST ? `has a cost above ${MAX_COST}` : 'is not USER: and a bcrypt hash';
      throw new AirgapError('usage', `--htpasswd ${file}: line ${index + 1} ${problem}`, {
        hint: 'write it with htpasswd -B, as in htpasswd -nbB USER PASSWORD',
      });
    }
    users.set(line.slice(0, colon), hash);
  }
  if (users.size > 0) return users;
  throw new AirgapError('usage', `--htpasswd ${file} has no users`, { hint: 'add one with htpasswd -B' });
}

/** Checks the logins of requests against the users of an htpasswd file. */
export class Logins {
  readonly #users: ReadonlyMap<string, string>;
  /** For unknown users, so that the time of an answer does not tell who is known. */
  readonly #decoy: string;
  // One check at a time: they take processor time from all transfers.
  readonly #limit = limiter(1);
  /** Checks that wait or run, by keyed hash of their login: clients send several requests at once. */
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #waiting = new Map<string, number>();
  /** Keyed hashes of good logins: a stored copy of passwords would be found in memory, and comparing them takes time. */
  readonly #known = new Set<string>();
  readonly #key = randomBytes(32);

  constructor(users: ReadonlyMap<string, string>) {
    this.#users = users;
    this.#decoy = [...users.values()][0] ?? '';
  }

  /**
   * @param header value of `Authorization`
   * @param address of the client
   */
  async check(header: string | undefined, address: string): Promise<LoginCheck> {
    const login = basicLogin(header);
    if (login === undefined) return 'bad';
    const key = createHmac('sha256', this.#key).update(`${login.user}\0${login.password}`).digest('base64');
    if (this.#known.has(key)) return 'good';
    const running = this.#running.get(key) ?? this.#start(key, login, address);
    if (running === undefined) return 'busy';
    return (await running) ? 'good' : 'bad';
  }

  /** Starts a check. @returns undefined if too many wait */
  #start(key: string, login: Login, address: string): Promise<boolean> | undefined {
    const waiting = this.#waiting.get(address) ?? 0;
    if (this.#running.size >= MAX_WAITING || waiting >= MAX_WAITING_PER_ADDRESS) return undefined;
    this.#waiting.set(address, waiting + 1);
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    this.#running.set(key, promise);
    this.#limit(async () => {
      const startedAt = performance.now();
      const isGood = await this.#compare(login);
      if (isGood && this.#known.size < MAX_KNOWN) this.#known.add(key);
      this.#end(key, address);
      resolve(isGood);
      if (!isGood) await sleep(PAUSE * (performance.now() - startedAt), undefined, { ref: false });
    }).catch((error: unknown) => {
      this.#end(key, address);
      reject(error);
    });
    return promise;
  }

  #end(key: string, address: string): void {
    this.#running.delete(key);
    const left = (this.#waiting.get(address) ?? 1) - 1;
    if (left > 0) this.#waiting.set(address, left);
    else this.#waiting.delete(address);
  }

  async #compare({ user, password }: Login): Promise<boolean> {
    const { compare } = await import('bcryptjs');
    const hash = this.#users.get(user);
    const isMatching = await compare(password, hash ?? this.#decoy);
    return isMatching && hash !== undefined;
  }
}

interface Login {
  readonly user: string;
  readonly password: string;
}

/** Reads a login by HTTP's Basic scheme (RFC 7617); undefined for other schemes. */
function basicLogin(header: string | undefined): Login | undefined {
  const [, encoded] = /^Basic +([A-Za-z0-9+/=_-]{1,4096})$/i.exec(header ?? '') ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
