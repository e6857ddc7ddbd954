import { type Fetch, gitUrl, isRemote } from './fetch.ts';

interface Installer {
  /** Verb of the install command. */
  readonly verb: RegExp;
  /** Options that consume the next word. */
  readonly valueOptions: RegExp;
  readonly toFetch: (name: string) => Fetch | undefined;
}

const PIP_VALUE_OPTIONS =
  /^(?:-[rceitfd]|--(?:requirement|constraint|editable|index-url|extra-index-url|target|find-links|prefix|root|cache-dir|trusted-host|timeout|python|platform))$/;
const SYSTEM_VALUE_OPTIONS =
  /^(?:-[tXpco]|--(?:repository|root|virtual|target-release|option|enablerepo|disablerepo|releasever|installroot|setopt))$/;
const LANGUAGE_VALUE_OPTIONS =
  /^(?:-[vtcni]|--(?:version|source|prefix|registry|root|git|tag|branch|channel|name|install-dir|platform))$/;

/** Package names with shell variables expanded. Excludes paths, numbers and comparison operators. */
const NAME = /^[A-Za-z@][\w.+@/-]*$/;
const LOCAL_FILE = /^[./~]|\.(?:whl|gz|tgz|zip|deb|rpm|apk|jar|txt|ya?ml)$/;

const INSTALL_VERBS = /^(?:install|add|i|get)$/;

const INSTALLERS: readonly (readonly [RegExp, Installer])[] = [
  [/^(?:pip|pip3|pip3\.\d+|uv)$/, { verb: INSTALL_VERBS, valueOptions: PIP_VALUE_OPTIONS, toFetch: fromPyPi }],
  [/^apk$/, { verb: /^add$/, valueOptions: SYSTEM_VALUE_OPTIONS, toFetch: fromPackages('apk/alpine') }],
  [
    /^(?:apt|apt-get|aptitude)$/,
    { verb: INSTALL_VERBS, valueOptions: SYSTEM_VALUE_OPTIONS, toFetch: fromPackages('deb/debian') },
  ],
  [
    /^(?:yum|dnf|microdnf|tdnf|zypper)$/,
    { verb: INSTALL_VERBS, valueOptions: SYSTEM_VALUE_OPTIONS, toFetch: fromPackages('rpm') },
  ],
  [/^(?:npm|pnpm|yarn)$/, { verb: INSTALL_VERBS, valueOptions: LANGUAGE_VALUE_OPTIONS, toFetch: fromPackages('npm') }],
  [
    /^go$/,
    { verb: INSTALL_VERBS, valueOptions: LANGUAGE_VALUE_OPTIONS, toFetch: fromPackages('golang', /^[\w-]+\.[\w./-]+/) },
  ],
  [/^cargo$/, { verb: /^install$/, valueOptions: LANGUAGE_VALUE_OPTIONS, toFetch: fromPackages('cargo') }],
  [/^(?:fluent-gem|gem)$/, { verb: /^install$/, valueOptions: LANGUAGE_VALUE_OPTIONS, toFetch: fromPackages('gem') }],
  [
    /^(?:conda|mamba|micromamba)$/,
    { verb: INSTALL_VERBS, valueOptions: LANGUAGE_VALUE_OPTIONS, toFetch: fromPackages('conda') },
  ],
  [/^(?:grafana-cli|grafana)$/, { verb: INSTALL_VERBS, valueOptions: LANGUAGE_VALUE_OPTIONS, toFetch: fromGrafana }],
  [
    /^(?:elasticsearch|opensearch|kibana|opensearch-dashboards|logstash)-plugin$/,
    { verb: /^install$/, valueOptions: /^$/, toFetch: fromCatalogue('search-plugin') },
  ],
  [/^confluent-hub$/, { verb: /^install$/, valueOptions: /^--/, toFetch: fromCatalogue('confluent-hub') }],
  [
    /^jenkins-plugin-cli$/,
    { verb: /^(?:-p|--plugins)$/, valueOptions: /^--(?:war|plugin-file)$/, toFetch: jenkinsPlugin },
  ],
];

/** Returns what a package or plugin manager fetches; undefined for other programs. */
export function installerFetches(program: string, args: readonly string[]): Fetch[] | undefined {
  const installer = INSTALLERS.find(([name]) => name.test(program))?.[1];
  if (installer === undefined) return undefined;
  const { verb, valueOptions, toFetch } = installer;
  const verbIndex = args.findIndex((arg) => verb.test(arg));
  if (verbIndex < 0 || args.some((arg) => /^--(?:no-index|no-network|no-download|local|offline)$/.test(arg))) return [];
  const names = args
    .slice(verbIndex + 1)
    .filter((arg, i, all) => !/^[-<>]|^\d?>/.test(arg) && !valueOptions.test(i === 0 ? '' : (all[i - 1] ?? '')));
  const fetches = names.flatMap((name) => fetchesByUrl(name) ?? toFetch(name) ?? []);
  const hasRequirementsFile = toFetch === fromPyPi && args.some((arg) => /^(?:-r|--requirement)/.test(arg));
  return hasRequirementsFile ? [...fetches, { url: 'pkg:pypi', kind: 'package' }] : fetches;
}

/** All of them accept a URL instead of a name. Undefined if the name is not a URL. */
function fetchesByUrl(name: string): Fetch[] | undefined {
  const url = name.replace(/^[\w.-]+(?:\[[\w,]*\])?\s*@\s*(?=[\w+]+:\/\/)/, '');
  if (!/^[\w+]+:\/\//.test(url)) return undefined;
  if (!isRemote(url)) return [];
  return [/^git\+|\.git\b/.test(url) ? { url: gitUrl(url), kind: 'git' } : { url, kind: 'download' }];
}

function fromPackages(type: string, namePattern: RegExp = NAME): (name: string) => Fetch | undefined {
  return (name) => {
    const [, bareName = name, version] = /^(@?[^=@~<>]+)(?:[=@~<>]+([^=@~<>][^<>]*))?$/.exec(name) ?? [];
    if (!namePattern.test(bareName) || LOCAL_FILE.test(name)) return undefined;
    return {
      url: `pkg:${type}/${bareName.replace(/^@/, '%40')}${version === undefined ? '' : `@${version}`}`,
      kind: 'package',
    };
  };
}

function fromPyPi(requirement: string): Fetch | undefined {
  const [, name, version] =
    /^([A-Za-z0-9][\w.-]*)(?:\[[\w,.-]*\])?(?:\s*(?:==|~=|>=|<=|!=|>|<)\s*([^\s,;]+)(?:[\s,;][\s\S]*)?)?$/.exec(
      requirement,
    ) ?? [];
  if (name === undefined || LOCAL_FILE.test(requirement)) return undefined;
  return { url: `pkg:pypi/${name.toLowerCase()}${version === undefined ? '' : `@${version}`}`, kind: 'package' };
}

/** Parses `id` or `id version`. The address needs only the id. */
function fromGrafana(name: string): Fetch | undefined {
  return /^[a-z0-9]+(?:-[a-z0-9]+)+$/.test(name) ? grafanaPlugin(name) : undefined;
}

/** Download of a plugin as Grafana requests it (github.com/grafana/grafana, pkg/plugins/repo). */
export function grafanaPlugin(id: string, version?: string): Fetch {
  const path = version === undefined ? '' : `/versions/${version}/download`;
  return { url: `https://grafana.com/api/plugins/${id}${path}`, kind: 'plugin' };
}

/**
 * Parses `id`, `id:version` or `id:version:url`, as in plugins.txt
 * (github.com/jenkinsci/plugin-installation-manager-tool).
 */
export function jenkinsPlugin(line: string): Fetch | undefined {
  const [, id, version] = /^([A-Za-z][\w-]*)(?::([\w.-]+))?(?::https?:\/\/\S+)?$/.exec(line) ?? [];
  if (id === undefined) return undefined;
  const release = version === undefined || version === 'latest' ? 'latest' : `download/plugins/${id}/${version}`;
  return { url: `https://updates.jenkins.io/${release}/${id}.hpi`, kind: 'plugin' };
}

function fromCatalogue(catalogue: string): (name: string) => Fetch | undefined {
  return (name) =>
    NAME.test(name) && !LOCAL_FILE.test(name) ? { url: `pkg:generic/${catalogue}/${name}`, kind: 'plugin' } : undefined;
}
