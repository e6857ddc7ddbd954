import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';

/** What tried to leave the cluster so far. */
export interface Leaks {
  /** Lines of tcpdump: packets that took the default route. */
  readonly packets: readonly string[];
  /** Names that somebody inside asked for and that are neither the cluster's nor its registries', with who asked. */
  readonly names: readonly string[];
}

/** What the control asks for: it shows that both counters count, so it is no leak. */
export const CONTROL = { address: '203.0.113.77', name: 'control.example.com' };

/** Reads both counters. @param isControl only what the control has caused, instead of all else */
export function leaksOf({ folder }: Pick<Cluster, 'folder'>, isControl = false): Leaks {
  const privateNames = read(join(folder, 'private-names'));
  const isPrivate = (name: string): boolean =>
    [...privateNames, 'cluster.local', 'in-addr.arpa', 'ip6.arpa'].some(
      (suffix) => name === suffix || name.endsWith(`.${suffix}`),
    ) || !name.includes('.');
  const asked = read(join(folder, 'log/dns-queries.log')).map((line) => {
    const [, from = '', , name = ''] = line.split(' ');
    return { from, name };
  });
  const packets = read(join(folder, 'log/out.log')).filter((line) => line.includes(CONTROL.address) === isControl);
  const names = asked.filter(({ name }) => !isPrivate(name) && (name === CONTROL.name) === isControl);
  return { packets, names: names.map(({ from, name }) => `${from} ${name}`) };
}

function read(file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
}
