import { type Environment, withoutOwnSecrets } from '../base/environment.ts';
import { AirgapError } from '../base/errors.ts';
import { collapseWhitespace } from '../base/printable.ts';
import { type ProgramEnd, runProgram } from '../base/run-program.ts';

/** Environment and working folder (absolute) of kubectl. */
export interface KubectlContext {
  readonly env: Environment;
  readonly cwd: string;
  /** Aborts when the user interrupts. */
  readonly signal?: AbortSignal;
}

/** Cluster that kubectl asks. The kubeconfig is that of `helm --kubeconfig`, which Helm passes on as KUBECONFIG. */
export interface ClusterAccess {
  /** Name of a context in the kubeconfig. Default: that of `helm --kube-context`, else the current one. */
  readonly context?: string;
}

/** A question to the cluster, for messages. */
export interface KubectlQuestion {
  /** Object of "cannot read …". */
  readonly what: string;
  /** What to do if this user may not or cannot ask: the rest of a hint after "or". */
  readonly instead: string;
}

/** Seconds for one request. kubectl repeats the first up to five times when a cluster does not answer. */
const REQUEST_SECONDS = 15;

/** Milliseconds for the whole run, in which an exec plugin may fetch a token. */
export const TIMEOUT = 120_000;

/** Maximum bytes of output: 20,000 Pods have less. */
export const OUTPUT_LIMIT = 256 * 1024 ** 2;

/**
 * Runs the user's kubectl and returns its standard output. It has the user's environment, because kubeconfigs name exec
 * plugins (`aws`, `gcloud`, `kubelogin`) that need their own variables.
 * @param args fixed words and checked names: none may begin with a dash unless it is a flag
 * @throws AirgapError `cluster` if kubectl is missing, or the cluster refuses or does not answer; `interrupted`
 */
export async function kubectl(
  context: KubectlContext,
  access: ClusterAccess,
  args: readonly string[],
  question: KubectlQuestion,
): Promise<string> {
  const { env, cwd, signal } = context;
  // Helm sets HELM_KUBECONTEXT for plugins, empty if the user has not chosen a context.
  const cluster = access.context ?? (env.HELM_KUBECONTEXT || undefined);
  const flags = [...(cluster === undefined ? [] : [`--context=${cluster}`]), `--request-timeout=${REQUEST_SECONDS}s`];
  const end = await runProgram('kubectl', [...flags, ...args], {
    cwd,
    env: withoutOwnSecrets(env),
    signal,
    timeout: TIMEOUT,
    maxBytes: OUTPUT_LIMIT,
  });
  if ('output' in end) return end.output;
  throw clusterError('kubectl', end, question);
}

/**
 * Returns the error for a program that asked a cluster and failed.
 * @param program its name
 */
export function clusterError(
  program: string,
  end: Exclude<ProgramEnd, { readonly output: string }>,
  { what, instead }: KubectlQuestion,
): AirgapError {
  const cannot = (why: string, hint: string): AirgapError =>
    new AirgapError('cluster', `cannot read ${what}: ${why}`, { hint: `${hint}, or ${instead}` });
  if (end.failure === 'too-long')
    return cannot(`${program} returned more than ${OUTPUT_LIMIT / 1024 ** 2} MiB`, 'ask for fewer objects');
  if (end.failure === 'timeout') {
    const hint = 'check that the cluster can be reached from here';
    return cannot(`${program} did not end within ${TIMEOUT / 1000} s`, hint);
  }
  if (end.failure === 'missing') return cannot(`${program} was not found in PATH`, `install ${program}`);
  if (end.failure === 'not-run') return cannot(`${program} cannot be run (${end.code})`, `install ${program}`);
  const words = lastWords(end.errors);
  return cannot(`${program}: ${words}`, remedyFor(words));
}

/** kubectl's own log lines, as in `E1123 02:33:16.123456   12345 memcache.go:265] "Unhandled Error" …`. */
const LOG_LINE = /^[EWIF]\d{4} /;

/** Maximum characters of kubectl's words in a message. */
const WORDS_LIMIT = 500;

/** Returns the sentence with which kubectl ends, without its log. */
function lastWords(stderr: string): string {
  const lines = stderr.slice(-64 * 1024).split('\n');
  const sentences = lines.map(collapseWhitespace).filter((line) => line !== '');
  const last = sentences.findLast((line) => !LOG_LINE.test(line)) ?? sentences.at(-1) ?? 'it failed without a word';
  return last.slice(0, WORDS_LIMIT).replace(/^error: /i, '');
}

/** What to do about an answer: the words are those of kubectl, Helm and the API server. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/\(Forbidden\)|\bis forbidden:/, 'ask for the right to read this'],
  [/\(NotFound\)/, 'check the names and the namespace (kubectl get)'],
  [/executable \S+ not found/, 'install the program that the kubeconfig names'],
  [/Unauthorized|must be logged in|getting credentials/, 'log in to the cluster again'],
  [/\bcontext (?:was not|")/, 'choose one of: kubectl config get-contexts'],
  [/no such file/, 'check the path of the kubeconfig'],
  [/localhost:8080|127\.0\.0\.1:8080/, 'choose a cluster with --kubeconfig or --context'],
  [/x509|certificate/, 'check the certificate authority in the kubeconfig'],
];

function remedyFor(words: string): string {
  const found = REMEDIES.find(([pattern]) => pattern.test(words));
  return found?.[1] ?? 'check that the cluster can be reached from here (kubectl cluster-info)';
}
