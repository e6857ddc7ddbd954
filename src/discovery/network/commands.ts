import { effectiveCommand, parseHelmArguments, programName } from '../shell/index.ts';
import { cleanUrl, type Fetch, gitUrl, isDashboardUrl, isRemote } from './fetch.ts';
import { installerFetches } from './installers.ts';

/**
 * Names of programs that may fetch, for a fast check of a text before it is parsed. In a quoted string of a manifest, a
 * line begins after a literal `\n`.
 */
export const FETCHING_PROGRAMS =
  /(?:(?<!\w)|(?<=\\[nt]))(?:(?:curl|wget|aria2c|kubectl|oc|helm|pip3?|apk|apt(?:-get)?|aptitude|yum|dnf|microdnf|tdnf|zypper|npm|npx|pnpm|yarn|cargo|gem|conda|mamba|micromamba|uv|ollama|huggingface-cli|hf|vllm|grafana-cli|confluent-hub|jenkins-plugin-cli|(?:elasticsearch|opensearch|kibana|dashboards|logstash)-plugin)["',\s\\:@]|(?:go["',\s-]+(?:install|get)|git["',\s-]+(?:clone|remote|fetch|pull|ls-remote|submodule|C|c)|grafana["',\s-]+cli)\b)|urlopen|urlretrieve|requests\.get/;

/** Returns what a simple command fetches. Variables must be expanded, and the words must all be of this command. */
export function fetchesOf(words: readonly string[]): Fetch[] {
  const commandWords = effectiveCommand(words);
  for (const [i, word] of commandWords.entries()) {
    const program = programName(word);
    const args = commandWords.slice(i + 1);
    const fetches = COMMAND_READERS[program]?.(args) ?? installerFetches(program, args);
    if (fetches !== undefined) return fetches.map((fetch) => ({ ...fetch, url: cleanUrl(fetch.url) }));
  }
  return [];
}

type CommandReader = (args: readonly string[]) => Fetch[];

const COMMAND_READERS: Readonly<Record<string, CommandReader | undefined>> = {
  curl,
  wget,
  aria2c: (args) => downloads(args.filter((arg) => !arg.startsWith('-'))),
  kubectl,
  oc: kubectl,
  helm,
  git,
  ollama,
  'huggingface-cli': huggingFace,
  hf: huggingFace,
  vllm: (args) => (args[0] === 'serve' ? huggingFaceModels(args.slice(1, 2)) : []),
};

/** Options of curl whose value may look like a URL but is not fetched. */
const CURL_VALUE_OPTIONS =
  /^(?:-[a-zA-Z]*[HouAebxXmwETcKrz]|--(?:header|output|user|user-agent|referer|proxy|noproxy|request|resolve|connect-to|cacert|cert|key|max-time|connect-timeout|retry|retry-delay|retry-max-time|write-out|cookie|cookie-jar|output-dir|doh-url|preproxy|aws-sigv4))$/;
/** Options with which curl sends data or only checks for existence. */
const CURL_SENDS =
  /^(?:-(?:d|F|T|I)|-[a-zA-Z]*I|--(?:data.*|json|form.*|upload-file|head|url-query)|-X(?:POST|PUT|DELETE|PATCH))$/;

function curl(args: readonly string[]): Fetch[] {
  const verb = args.findIndex((arg) => arg === '-X' || arg === '--request' || /^-[a-zA-Z]+X$/.test(arg));
  const sends = args.some((arg) => CURL_SENDS.test(arg.split('=')[0] ?? ''));
  if (sends || (verb >= 0 && !/^(?:GET|\$.*)$/i.test(args[verb + 1] ?? ''))) return [];
  return downloads(args.filter((arg, i) => !CURL_VALUE_OPTIONS.test(args[i - 1] ?? '') && !/^[-<>]/.test(arg)));
}

const WGET_VALUE_OPTIONS =
  /^(?:-[a-zA-Z]*[OoPUTtew]|--(?:output-document|directory-prefix|user-agent|header|timeout|tries|user|password))$/;

function wget(args: readonly string[]): Fetch[] {
  if (args.some((arg) => /^--(?:spider|post-.*|body-.*|method=(?!GET).*)$/.test(arg))) return [];
  return downloads(args.filter((arg, i) => !WGET_VALUE_OPTIONS.test(args[i - 1] ?? '') && !/^[-<>]/.test(arg)));
}

/** curl and wget use HTTP for a host without a scheme. */
function downloads(args: readonly string[]): Fetch[] {
  return args
    .map((arg) => (/^[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}\/\S/.test(arg) ? `http://${arg}` : arg))
    .filter(isRemote)
    .map((url) => ({ url, kind: isDashboardUrl(url) ? 'dashboard' : 'download' }));
}

function kubectl(args: readonly string[]): Fetch[] {
  if (!args.some((arg) => /^(?:apply|create|replace|delete)$/.test(arg))) return [];
  const files = optionValues(args, /^(?:-f|--filename)$/).flatMap((value) => value.split(','));
  const kustomizations = optionValues(args, /^(?:-k|--kustomize)$/).map(gitUrl);
  return [
    ...files.filter(isRemote).map((url): Fetch => ({ url, kind: 'download' })),
    ...kustomizations.filter(isRemote).map((url): Fetch => ({ url, kind: 'git' })),
  ];
}

function helm(args: readonly string[]): Fetch[] {
  const { positional, valuesOf } = parseHelmArguments(args);
  const [verb = '', second = ''] = positional;
  const addresses = positional.filter(isRemote);
  if (verb === 'repo')
    return second === 'add' ? addresses.slice(0, 1).map((url) => ({ url, kind: 'chart-repository' })) : [];
  if (verb === 'plugin')
    return second === 'install' ? addresses.slice(0, 1).map((url) => ({ url, kind: 'plugin' })) : [];
  if (!/^(?:install|upgrade|template|pull|fetch|show)$/.test(verb)) return [];
  return [
    ...valuesOf('--repo')
      .filter(isRemote)
      .map((url): Fetch => ({ url, kind: 'chart-repository' })),
    ...valuesOf('-f', '--values')
      .filter(isRemote)
      .map((url): Fetch => ({ url, kind: 'download' })),
    ...addresses.map((url): Fetch => ({ url, kind: 'chart' })),
  ];
}

function git(args: readonly string[]): Fetch[] {
  const verb = args.find((arg) => /^(?:clone|remote|fetch|pull|ls-remote|submodule)$/.test(arg));
  if (verb === undefined) return [];
  const addresses = args.filter((arg) => /^[\w+]+:\/\/|^[\w.-]+@[\w.-]+:/.test(arg)).map(gitUrl);
  return addresses.filter(isRemote).map((url) => ({ url, kind: 'git' }));
}

/** Ollama's registry serves names without a host (github.com/ollama/ollama, types/model/name.go). */
function ollama([verb = '', ...args]: readonly string[]): Fetch[] {
  if (verb !== 'pull' && verb !== 'run') return [];
  const model = args.find((arg) => arg !== '' && !arg.startsWith('-')) ?? '';
  if (!/^[\w.-]+(?:\/[\w.-]+)*(?::[\w.-]+)?$/.test(model)) return [];
  const hasHost = /^[\w-]+\.[\w.-]+\//.test(model);
  const path = hasHost ? model : `registry.ollama.ai/${model.includes('/') ? model : `library/${model}`}`;
  return [{ url: `https://${path}`, kind: 'model' }];
}

function huggingFace(args: readonly string[]): Fetch[] {
  return args[0] === 'download'
    ? huggingFaceModels(
        args
          .slice(1)
          .filter((arg) => !arg.startsWith('-'))
          .slice(0, 1),
      )
    : [];
}

/** Models by their Hugging Face name, `owner/name`; anything else is a path or a URL. */
export function huggingFaceModels(names: readonly string[]): Fetch[] {
  return names
    .filter((name) => /^[A-Za-z0-9][\w.-]*\/[\w.-]+$/.test(name))
    .map((name) => ({ url: `https://huggingface.co/${name}`, kind: 'model' }));
}

/** Returns the values of an option, written as `-f value`, `--file value` or `--file=value`. */
function optionValues(args: readonly string[], option: RegExp): string[] {
  return args.flatMap((arg, i) => {
    if (option.test(args[i - 1] ?? '')) return [arg];
    const equals = arg.indexOf('=');
    return equals > 0 && option.test(arg.slice(0, equals)) ? [arg.slice(equals + 1)] : [];
  });
}
