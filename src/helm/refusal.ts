import { AirgapError } from '../base/errors.ts';
import { shortened } from '../base/text-ends.ts';

type Code = 'usage' | 'chart-not-found' | 'chart-invalid' | 'chart-render' | 'unauthorized' | 'network';

/** What Helm says, most telling first: what a chart's own message holds must not be taken for an answer of a server. */
const CASES: readonly { readonly when: RegExp; readonly code: Code; readonly hint: string }[] = [
  {
    when: /execution error at|executing "|nil pointer|error calling|YAML parse error|parse error|function "[^"\n]*" not defined/,
    code: 'chart-render',
    hint: 'give the values it asks for with -f or --set; `helm template` with the same flags shows the same message',
  },
  {
    when: /missing in charts\/ directory/,
    code: 'chart-invalid',
    hint: 'fetch its dependencies first: --dependency-update, or helm dependency build',
  },
  {
    when: /incompatible with Kubernetes/,
    code: 'chart-render',
    hint: 'say which Kubernetes it will run on, as in --kube-version 1.35.0',
  },
  {
    when: /don't meet the specifications of the schema|JSON schema|jsonschema/i,
    code: 'chart-render',
    hint: 'give the values it asks for with -f or --set, or use --skip-schema-validation',
  },
  {
    when: /library charts are not installable/,
    code: 'chart-invalid',
    hint: 'a library chart installs nothing; give the chart that uses it',
  },
  {
    when: /^(?:(?:open|read) (?!.*Chart\.yaml).*: (?:no such file or directory|permission denied|is a directory|not a directory|file name too long|too many levels of symbolic links)|failed (?:parsing|to parse) )/,
    code: 'usage',
    hint: 'check the files and the values given with -f and --set',
  },
  {
    when: /(?<![\w.:/-])40[13](?![\w.:-])|unauthorized|authentication required|basic credential not found|credential required for basic auth|no basic auth credentials|forbidden|denied/i,
    code: 'unauthorized',
    hint: 'log in first with helm registry login HOST; for a chart repository give --username and --password',
  },
  {
    when: /remote error: tls: (?:bad certificate|certificate required|unknown certificate authority|expired certificate)|No required SSL certificate was sent|The SSL certificate error/,
    code: 'network',
    hint: 'the server wants a client certificate that it trusts: give it with --client-cert HOST=FILE and --client-key HOST=FILE',
  },
  {
    when: /status code 400|400 Bad Request/,
    code: 'network',
    hint: 'servers with TLS answer so to plain HTTP: leave --plain-http out; and nginx where it wants a client certificate: --client-cert HOST=FILE and --client-key HOST=FILE',
  },
  {
    when: /x509:|certificate signed by unknown authority/,
    code: 'network',
    hint: 'give the authority that signed the certificate with --ca-file FILE',
  },
  {
    when: /connection refused|no such host|network is unreachable|i\/o timeout|TLS handshake timeout|connection reset|unexpected EOF$|did not end within|server gave HTTP response to HTTPS client/,
    code: 'network',
    hint: 'check the address and the way there (HTTPS_PROXY, NO_PROXY); for a registry without TLS there is --plain-http',
  },
  {
    when: /chart metadata is missing|Chart\.yaml file is missing|cannot load Chart\.yaml|validation: |not a gzipped archive|does not appear to be a gzipped|invalid chart|gzip: invalid header|unable to detect chart/i,
    code: 'chart-invalid',
    hint: 'a chart is a folder with a Chart.yaml, or the .tgz that helm package makes of one',
  },
  {
    when: /not found|no such file|no chart (?:name|version) found|improper constraint|no cached repo|not a valid chart repository|could not (?:find|resolve)|cannot be reached|failed to (?:download|fetch)|non-absolute URLs|manifest unknown|name unknown/i,
    code: 'chart-not-found',
    hint: 'check the name, --repo and --version; helm show chart with the same arguments must find it',
  },
];

/** Characters of a message. A chart can fail with a text of any length, and nobody reads more. */
const LONGEST = 64_000;

/**
 * Helm's refusal as an error of ours: its own message, never swallowed, and what to do about it.
 * @param what what Helm was to do, as in `render chart web 1.2.0`
 */
export function refusal(
  what: string,
  stderr: string,
  fallback: 'chart-not-found' | 'chart-render' = 'chart-render',
): AirgapError {
  const lines = shortened(stderr, LONGEST)
    .split('\n')
    .filter((line) => !/^(WARNING|level=|time=)|Use --debug flag to render out invalid YAML/.test(line.trim()))
    .join('\n')
    .trim()
    .replace(/^Error: /, '');
  const match = CASES.find(({ when }) => when.test(lines));
  const hint = match?.hint ?? CASES.find(({ code }) => code === fallback)?.hint;
  const host = /\b(?:oci|https?):\/\/(?:[^/\s]*@)?([\w.:[\]-]{1,255})/.exec(what)?.[1] ?? 'HOST';
  return new AirgapError(match?.code ?? fallback, `Helm could not ${what}: ${lines || 'it gave no reason'}`, {
    hint: hint?.replaceAll(/\bHOST\b/g, () => host),
  });
}
