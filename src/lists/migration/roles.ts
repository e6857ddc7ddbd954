/** Registry of a migration that a variable is about. */
export type Side = 'source' | 'destination';

export type Kind =
  | 'host'
  | 'port'
  | 'user'
  | 'password'
  | 'token'
  | 'organizations'
  | 'repositories'
  | 'certificate'
  | 'verification'
  | 'concurrency'
  | 'other';

/** What the variable of an env file holds, by its name. */
export interface Role {
  /** Absent if the name does not say which registry it is about, or says both. */
  readonly side?: Side | undefined;
  readonly kind: Kind;
}

const SIDES: ReadonlyMap<string, Side> = new Map([
  ...['SOURCE', 'SRC', 'FROM'].map((word) => [word, 'source'] as const),
  ...['DESTINATION', 'DEST', 'DST', 'TARGET', 'TGT', 'TO'].map((word) => [word, 'destination'] as const),
]);

/** Kinds by a word of the name. The first that matches is taken: `SOURCE_ADMIN_PASSWORD` is a password. */
const KINDS: readonly (readonly [Kind, RegExp])[] = [
  ['other', /^(?:SSH|KUBECONFIG|KEYS?|FILE|PATH|DIR|FOLDER|PREFIX|TAGS?)$/],
  ['verification', /^(?:TLS|SSL|VERIFY|INSECURE)$/],
  ['certificate', /^(?:CA|CACERT|CERTS?|CERTIFICATES?)$/],
  ['password', /^(?:PASSWORD|PASSWD|PASS|PWD|SECRET|PAT)$/],
  ['token', /^TOKEN$/],
  ['user', /^(?:USER|USERNAME|LOGIN|ADMIN|ACCOUNT)$/],
  ['concurrency', /^(?:PARALLEL|CONCURRENCY|CONCURRENT|JOBS|WORKERS|THREADS|PROCESSES)$/],
  ['organizations', /^(?:ORGS?|ORGANI[SZ]ATIONS?|NAMESPACES?|PROJECTS?)$/],
  ['repositories', /^(?:REPOS?|REPOSITOR(?:Y|IES))$/],
  ['port', /^PORT$/],
];

/** Words in the name of a registry's address. A name with other words is about something else, such as a cluster. */
const HOST_WORDS =
  /^(?:URL|URI|HOST|HOSTNAME|REGISTRY|DOMAIN|ADDRESS|ADDR|ENDPOINT|SERVER|FQDN|BASE|DOCKER|OCI|MSR|DTR|HARBOR|QUAY|NEXUS|ARTIFACTORY|GITLAB)$/;

/** Returns what a variable holds: `SOURCE_MSR_TOKEN` is a token for the source, `BASE_URL_SOURCE` the address of the source. */
export function roleOf(name: string): Role {
  const words = name
    .slice(0, 200)
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toUpperCase()
    .split('_')
    .filter((word) => word !== '');
  const sides = new Set(words.flatMap((word) => SIDES.get(word) ?? []));
  const [side] = sides.size === 1 ? sides : [];
  const rest = words.filter((word) => !SIDES.has(word));
  const [kind] = KINDS.find(([, pattern]) => rest.some((word) => pattern.test(word))) ?? [];
  return { side, kind: kind ?? (rest.every((word) => HOST_WORDS.test(word)) ? 'host' : 'other') };
}
