import type { Fetch } from './need.ts';
import { gitUrl, isRemote } from './url.ts';

interface Installer {
  /** Verb of the install command. */
  readonly verb: RegExp;
  /** Options that consume the next word. */
  readonly valued: RegExp;
  readonly toFetch: (name: string) => Fetch | undefined;
}

const OPTION_OF_PIP =
  /^(?:-[rceitfd]|--(?:requirement|constraint|editable|index-url|extra-index-url|target|find-links|prefix|root|cache-dir|trusted-host|timeout|python|platform))$/;
const OPTION_OF_SYSTEM =
  /^(?:-[tXpco]|--(?:repository|root|virtual|target-release|option|enablerepo|disablerepo|releasever|installroot|setopt))$/;
const OPTION_OF_LANGUAGE =
  /^(?:-[vtcni]|--(?:version|source|prefix|registry|root|git|tag|branch|channel|name|install-dir|platform))$/;

/** Package names with shell variables expanded. Excludes paths, numbers and comparison operators. */
const NAME = /^[A-Za-z@][\w.+@/-]*$/;
const LOCAL_FILE = /^[./~]|\.(?:whl|gz|tgz|zip|deb|rpm|apk|jar|txt|ya?ml)$/;

const install = /^(?:install|add|i|get)$/;

const INSTALLERS: readonly (readonly [RegExp, Installer])[] = [
  [/^(?:pip|pip3|pip3\.\d+|uv)$/, { verb: install, valued: OPTION_OF_PIP, toFetch: fromPyPi }],
  [/^apk$/, { verb: /^add$/, valued: OPTION_OF_SYSTEM, toFetch: packaged('apk/alpine') }],
  [/^(?:apt|apt-get|aptitude)$/, { verb: install, valued: OPTION_OF_SYSTEM, toFetch: packaged('deb/debian') }],
  [/^(?:yum|dnf|microdnf|tdnf|zypper)$/, { verb: install, valued: OPTION_OF_SYSTEM, toFetch: packaged('rpm') }],
  [/^(?:npm|pnpm|yarn)$/, { verb: install, valued: OPTION_OF_LANGUAGE, toFetch: packaged('npm') }],
  [/^go$/, { verb: install, valued: OPTION_OF_LANGUAGE, toFetch: packaged('golang', /^[\w-]+\.[\w./-]+/) }],
  [/^cargo$/, { verb: /^install$/, valued: OPTION_OF_LANGUAGE, toFetch: packaged('cargo') }],
  [/^(?:fluent-gem|gem)$/, { verb: /^install$/, valued: OPTION_OF_LANGUAGE, toFetch: packaged('gem') }],
  [/^(?:conda|mamba|micromamba)$/, { verb: install, valued: OPTION_OF_LANGUAGE, toFetch: packaged('conda') }],
  [/^(?:grafana-cli|grafana)$/, { verb: install, valued: OPTION_OF_LANGUAGE, toFetch: fromGrafana }],
  [
    /^(?:elasticsearch|opensearch|kibana|opensearch-dashboards|logstash)-plugin$/,
    { verb: /^install$/, valued: /^$/, toFetch: fromCatalogue('search-plugin') },
  ],
  [/^confluent-hub$/, { verb: /^install$/, valued: /^--/, toFetch: fromCatalogue('confluent-hub') }],
  [/^jenkins-plugin-cli$/, { verb: /^(?:-p|--plugins)$/, valued: /^--(?:war|plugin-file)$/, toFetch: jenkinsPlugin }],
];

/** Returns what a package or plugin manager fetches; undefined for other programs. */
export function installerFetches(program: string, args: readonly string[]): Fetch[] | undefined {
  const installer = INSTALLERS.find(([name]) => name.test(program))?.[1];
  if (installer === undefined) return undefined;
  const { verb, valued: valueOptions, toFetch } = installer;
  const verbIndex = args.findIndex((arg) => verb.test(arg));
  if (verbIndex < 0 || args.some((arg) => /^--(?:no-index|no-network|no-download|local|offline)$/.test(arg))) return [];
  const names = args
    .slice(verbIndex + 1)
    .filter((arg, i, all) => !/^[-<>]|^\d?>/.test(arg) && !valueOptions.test(i === 0 ? '' : (all[i - 1] ?? '')));
  const fetches = names.flatMap((name) => byAddress(name) ?? toFetch(name) ?? []);
  const listed = toFetch === fromPyPi && args.some((arg) => /^(?:-r|--requirement)/.test(arg));
  return listed ? [...fetches, { url: 'pkg:pypi', kind: 'package' }] : fetches;
}

/** All of them accept a URL instead of a name. Undefined if the name is not a URL. */
function byAddress(name: string): Fetch[] | undefined {
  const address = name.replace(/^[\w.-]+(?:\[[\w,]*\])?\s*@\s*(?=[\w+]+:\/\/)/, '');
  if (!/^[\w+]+:\/\//.test(address)) return undefined;
  if (!isRemote(address)) return [];
  return [/^git\+|\.git\b/.test(address) ? { url: gitUrl(address), kind: 'git' } : { url: address, kind: 'download' }];
}

function packaged(type: string, shape: RegExp = NAME): (name: string) => Fetch | undefined {
  return (name) => {
    const [, bare = name, version] = /^(@?[^=@~<>]+)(?:[=@~<>]+([^=@~<>][^<>]*))?$/.exec(name) ?? [];
    if (!shape.test(bare) || LOCAL_FILE.test(name)) return undefined;
    return {
      url: `pkg:${type}/${bare.replace(/^@/, '%40')}${version === undefined ? '' : `@${version}`}`,
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
