import { setTimeout as sleep } from 'node:timers/promises';
import { type Cost, type Costs, inTurn, measureCost, median, medianCost, peakMemory, ratio } from '../cost.ts';
import { table } from '../page.ts';
import type { Workload } from '../speed/images.ts';
import { type Certificate, processorTime, SERVERS, type Server, type ServerName, type Stored } from './servers.ts';

/** Clients of the comparison. */
export const CLIENTS = ['skopeo', 'oras', 'curl'] as const;
type Client = (typeof CLIENTS)[number];

/** Access to a server, for a client. `ca` is a file, in a folder with nothing else; plain HTTP without it. */
interface Access {
  readonly host: string;
  readonly ca: string | undefined;
}

/**
 * Shell script that pulls all images of a workload: skopeo and oras image by image into one OCI layout in WORK, as a mirror
 * would; curl all blobs, 16 at a time, into nothing.
 */
export function pullScript(client: Client, { host, ca }: Access, { images, blobs }: Pulled): string {
  const slug = (repository: string): string => repository.replaceAll('/', '-');
  switch (client) {
    case 'skopeo': {
      const trust = ca === undefined ? '--src-tls-verify=false' : `--src-cert-dir ${ca.slice(0, ca.lastIndexOf('/'))}`;
      const copy = `skopeo --insecure-policy copy --quiet --all ${trust}`;
      return images
        .map(
          ({ repository, reference }) =>
            `${copy} docker://${host}/${repository}:${reference} oci:$WORK/oci:${slug(repository)}`,
        )
        .join('\n');
    }
    case 'oras': {
      const trust = ca === undefined ? '--from-plain-http' : `--from-ca-file ${ca}`;
      const copy = `oras copy --no-tty ${trust} --to-oci-layout`;
      return images
        .map(({ repository, reference }) => `${copy} ${host}/${repository}:${reference} $WORK/oci:${slug(repository)}`)
        .join('\n');
    }
    case 'curl': {
      const trust = ca === undefined ? '' : `--cacert ${ca} `;
      const scheme = ca === undefined ? 'http' : 'https';
      const urls = blobs.map((path) => `${scheme}://${host}/v2/${path}`);
      return `printf '%s\\n' ${urls.join(' ')} | sed 's,.*,url = "&"\\noutput = "/dev/null",' | curl ${trust}--fail --silent --show-error --parallel --parallel-max 16 --config -`;
    }
  }
}

/** Content of a workload. */
export interface Pulled extends Pick<Workload, 'images'> {
  /** `REPOSITORY/blobs/DIGEST` of all layers and configs, each as often as images have it. */
  readonly blobs: readonly string[];
}

/** Lists the blobs of images with one manifest. */
export async function listBlobs(host: string, { images }: Workload): Promise<Pulled> {
  const accept = 'application/vnd.oci.image.manifest.v1+json';
  const lists = images.map(async ({ repository, reference }) => {
    const answer = await fetch(`http://${host}/v2/${repository}/manifests/${reference}`, { headers: { accept } });
    const { config, layers } = (await answer.json()) as { config: { digest: string }; layers: { digest: string }[] };
    return [config, ...layers].map(({ digest }) => `${repository}/blobs/${digest}`);
  });
  return { images, blobs: (await Promise.all(lists)).flat() };
}

/** Cost of pulls by client and server, with the processor time of the servers. */
export interface PullCosts {
  readonly costs: Readonly<Record<Client, Costs<ServerName>>>;
  readonly servers: Readonly<Record<Client, Readonly<Record<ServerName, readonly number[]>>>>;
}

/** Pulls a workload from both servers in turn, with each client. @param tls HTTPS with this certificate */
export async function measurePulls(
  stored: Stored,
  pulled: Pulled,
  tls: Certificate | undefined,
  rounds: number,
  folder: string,
): Promise<PullCosts> {
  const running = Object.fromEntries(
    await Promise.all(SERVERS.map(async (name) => [name, await stored.start(name, tls)] as const)),
  ) as Record<ServerName, Server>;
  const entries: [Client, Costs<ServerName>][] = [];
  const empty = (): Record<ServerName, number[]> => ({ serve: [], distribution: [] });
  const servers = { skopeo: empty(), oras: empty(), curl: empty() };
  try {
    for (const client of CLIENTS) {
      console.error(`${client}, ${tls === undefined ? 'HTTP' : 'HTTPS'}`);
      const pull = async (name: ServerName): Promise<Cost> => {
        const { host, pid } = running[name];
        const before = processorTime(pid);
        const cost = await measureCost(
          pullScript(client, { host, ca: tls?.cert }, pulled),
          `${folder}/work`,
          process.env,
        );
        servers[client][name].push(processorTime(pid) - before);
        return cost;
      };
      entries.push([client, await inTurn(SERVERS, rounds, pull)]);
    }
  } finally {
    await Promise.all(Object.values(running).map((server) => server.stop()));
  }
  return { costs: Object.fromEntries(entries) as PullCosts['costs'], servers };
}

/** Formats the costs, by title. */
export function pullTable(rows: readonly (readonly [title: string, costs: PullCosts])[]): string {
  const head = [
    'pull',
    'client',
    'serve, s',
    'distribution, s',
    'ratio',
    'processor time, serve, s',
    'processor time, distribution, s',
  ];
  return table(
    head,
    rows.flatMap(([title, { costs, servers }]) =>
      CLIENTS.map((client) => {
        const { serve, distribution } = costs[client];
        const busy = SERVERS.map((name) => median(servers[client][name]).toFixed(2));
        return [
          title,
          client,
          medianCost(serve, 'wall'),
          medianCost(distribution, 'wall'),
          ratio(serve, distribution, 'wall'),
          ...busy,
        ];
      }),
    ),
    2,
  );
}

/** Pulls of all blobs of an image at the same time. */
export interface Crowd {
  readonly pulls: number;
  readonly connections: number;
  /** Peak memory in MB (10^6 bytes), by server. */
  readonly memory: Readonly<Record<ServerName, number>>;
  readonly seconds: Readonly<Record<ServerName, number>>;
}

/** Pulls so many images at a time from servers that have just started, with a connection for each of their blobs. */
export async function measureCrowd(
  stored: Stored,
  pulled: Pulled,
  tls: Certificate | undefined,
  pulls: number,
  folder: string,
): Promise<Crowd> {
  const blobs = Array.from({ length: pulls }, (_, index) => {
    const { repository } = pulled.images[index % pulled.images.length] ?? { repository: '' };
    return pulled.blobs.filter((path) => path.startsWith(`${repository}/blobs/`));
  }).flat();
  const results = { memory: zeros(), seconds: zeros() };
  for (const name of SERVERS) {
    const server = await stored.start(name, tls);
    try {
      const { host } = server;
      const script = pullScript('curl', { host, ca: tls?.cert }, { images: pulled.images, blobs });
      const all = script.replace(
        '--parallel-max 16',
        `--parallel-max ${Math.min(300, blobs.length)} --parallel-immediate`,
      );
      const { wall } = await measureCost(all, `${folder}/work`, process.env);
      // What was freed late is counted as well.
      await sleep(500);
      results.memory[name] = peakMemory(server.pid) / 1e6;
      results.seconds[name] = wall;
    } finally {
      await server.stop();
    }
  }
  return { pulls, connections: Math.min(300, blobs.length), ...results };
}

const zeros = (): Record<ServerName, number> => ({ serve: 0, distribution: 0 });
