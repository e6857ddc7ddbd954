import { AirgapError } from '../base/errors.ts';
import { truncateMiddle } from '../base/text-trim.ts';

type HelmErrorCode = 'usage' | 'chart-not-found' | 'chart-invalid' | 'chart-render' | 'unauthorized' | 'network';

/** Helm's messages, most specific first, so that text from a chart is not mistaken for a response of a server. */
const CASES: readonly { readonly pattern: RegExp; readonly code: HelmErrorCode; readonly hint: string }[] = [
  {
    pattern:
      /execution error at|executing "|nil pointer|error calling|YAML parse error|parse error|function "[^"\n]*" not defined/,
    code: 'chart-render',
    hint: 'set the required values with -f or --set; `helm template` with the same flags shows the same message',
  },
  {
    pattern: /missing in charts\/ directory/,
    code: 'chart-invalid',
    hint: 'fetch its dependencies first with --dependency-update or helm dependency build',
  },
  {
    pattern: /incompatible with Kubernetes/,
    code: 'chart-render',
    hint: 'specify the target Kubernetes version, as in --kube-version 1.35.0',
  },
  {
    pattern: /don't meet the specifications of the schema|JSON schema|jsonschema/i,
    code: 'chart-render',
    hint: 'set the required values with -f or --set, or use --skip-schema-validation',
  },
  {
    pattern: /library charts are not installable/,
    code: 'chart-invalid',
    hint: 'a library chart cannot be installed; specify the chart that uses it',
  },
  {
    pattern:
      /^(?:(?:open|read) (?!.*Chart\.yaml).*: (?:no such file or directory|permission denied|is a directory|not a directory|file name too long|too many levels of symbolic links)|failed (?:parsing|to parse) )/,
    code: 'usage',
    hint: 'check the files and values in -f and --set',
  },
  {
    pattern:
      /(?<![\w.:/-])40[13](?![\w.:-])|unauthorized|authentication required|basic credential not found|credential required for basic auth|no basic auth credentials|forbidden|denied/i,
    code: 'unauthorized',
    hint: 'log in first with helm airgap login HOST; for a chart repository use --username and --password',
  },
  {
    pattern:
      /remote error: tls: (?:bad certificate|certificate required|unknown certificate authority|expired certificate)|No required SSL certificate was sent|The SSL certificate error/,
    code: 'network',
    hint: 'the server requires a client certificate that it trusts: use --client-cert HOST=FILE and --client-key HOST=FILE',
  },
  {
    pattern: /status code 400|400 Bad Request/,
    code: 'network',
    hint: 'if the server uses TLS, remove --plain-http; if it requires a client certificate, use --client-cert HOST=FILE and --client-key HOST=FILE',
  },
  {
    pattern: /x509:|certificate signed by unknown authority/,
    code: 'network',
    hint: 'specify the authority that signed the certificate with --ca-file FILE',
  },
  {
    pattern:
      /connection refused|no such host|network is unreachable|i\/o timeout|TLS handshake timeout|connection reset|unexpected EOF$|did not end within|server gave HTTP response to HTTPS client/,
    code: 'network',
    hint: 'check the address and the proxy settings (HTTPS_PROXY, NO_PROXY); for a registry without TLS use --plain-http',
  },
  {
    pattern:
      /chart metadata is missing|Chart\.yaml file is missing|cannot load Chart\.yaml|validation: |not a gzipped archive|does not appear to be a gzipped|invalid chart|gzip: invalid header|unable to detect chart/i,
    code: 'chart-invalid',
    hint: 'a chart is a folder with a Chart.yaml, or a .tgz created by helm package',
  },
  {
    pattern:
      /not found|no such file|no chart (?:name|version) found|improper constraint|no cached repo|not a valid chart repository|could not (?:find|resolve)|cannot be reached|failed to (?:download|fetch)|non-absolute URLs|manifest unknown|name unknown/i,
    code: 'chart-not-found',
    hint: 'check the name, --repo and --version; helm show chart with the same arguments must succeed',
  },
];

/** Maximum characters of a message; a chart can fail with a text of any length. */
const MAX_MESSAGE_LENGTH = 64_000;

/**
 * Converts a failure of Helm to an AirgapError with Helm's own message and a hint.
 * @param action action of Helm, such as `render chart web 1.2.0`
 */
export function helmError(
  action: string,
  stderr: string,
  fallback: 'chart-not-found' | 'chart-render' = 'chart-render',
): AirgapError {
  const lines = truncateMiddle(stderr, MAX_MESSAGE_LENGTH)
    .split('\n')
    .filter((line) => !/^(WARNING|level=|time=)|Use --debug flag to render out invalid YAML/.test(line.trim()))
    .join('\n')
    .trim()
    .replace(/^Error: /, '');
  const match = CASES.find(({ pattern }) => pattern.test(lines));
  const hint = match?.hint ?? CASES.find(({ code }) => code === fallback)?.hint;
  const host = /\b(?:oci|https?):\/\/(?:[^/\s]*@)?([\w.:[\]-]{1,255})/.exec(action)?.[1] ?? 'HOST';
  return new AirgapError(match?.code ?? fallback, `Helm could not ${action}: ${lines || 'no error message'}`, {
    hint: hint?.replaceAll(/\bHOST\b/g, () => host),
  });
}
