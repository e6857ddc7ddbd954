/**
 * Hosts of registries, by which the sweep recognizes public names. Those of the images found are added for each run.
 */
const REGISTRIES = [
  ...['docker.io', 'index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com', 'docker.pkg.github.com'],
  ...[
    'quay.io',
    'ghcr.io',
    'gcr.io',
    'k8s.gcr.io',
    'registry.k8s.io',
    'mcr.microsoft.com',
    'public.ecr.aws',
    'nvcr.io',
  ],
  ...['cgr.dev', 'lscr.io', 'icr.io', 'registry.gitlab.com', 'registry.digitalocean.com', 'registry.suse.com'],
  ...['registry.redhat.io', 'registry.access.redhat.com', 'registry.connect.redhat.com', 'docker.elastic.co'],
  ...['container-registry.oracle.com', 'xpkg.upbound.io', 'xpkg.crossplane.io', 'cr.fluentbit.io', 'reg.kyverno.io'],
  ...['registry.developers.crunchydata.com', 'projects.registry.vmware.com', 'docker.n8n.io', 'cr.l5d.io', 'dhi.io'],
  ...[
    'registry.opensource.zalan.do',
    'docker.redpanda.com',
    'cr.weaviate.io',
    'cr.kgateway.dev',
    'releases-docker.jfrog.io',
  ],
];

/** Ends of the hosts that registries give to projects and customers, `europe-docker.pkg.dev`. */
const SUFFIXES = [
  ...['.gcr.io', '.pkg.dev', '.azurecr.io', '.icr.io', '.jfrog.io', '.ocir.io', '.aliyuncs.com', '.scw.cloud'],
  ...['.cr.aws', '.quay.io', '.docker.io', '.docker.com', '.ghcr.io', '.nvcr.io', '.cgr.dev', '.coding.net'],
];
const ECR = /\.dkr[.-]ecr(?:-fips)?\.[a-z0-9-]+\.(?:amazonaws\.com(?:\.cn)?|on\.aws)$/;

/** Reports which hosts are registries. */
export class RegistryHosts {
  readonly #exact: ReadonlySet<string>;
  readonly #search: RegExp;

  /** @param found hosts of the images found, with their ports */
  constructor(found: Iterable<string>) {
    // Without a dot, as in `localhost`, a host is on no other machine's network.
    const names = [...found]
      .map((host) => host.toLowerCase().replace(/:\d+$/, ''))
      .filter((host) => host.includes('.'));
    this.#exact = new Set([...REGISTRIES, ...names]);
    const texts = [...this.#exact, ...SUFFIXES, '.amazonaws.com', '.on.aws'];
    this.#search = new RegExp(texts.map((text) => text.replaceAll(/[.[\]]/g, '\\$&')).join('|'), 'gi');
  }

  /** Texts that a document with the name of a registry contains. */
  get search(): RegExp {
    this.#search.lastIndex = 0;
    return this.#search;
  }

  /** Reports whether a host, without its port, is a registry's. */
  has(host: string): boolean {
    const name = host.toLowerCase();
    return this.#exact.has(name) || SUFFIXES.some((suffix) => name.endsWith(suffix)) || ECR.test(name);
  }
}
