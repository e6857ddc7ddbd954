import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '../cluster.ts';
import { NODE } from '../node/node-config.ts';

/** What tried to leave the cluster so far. */
export interface Leaks {
  /** Lines of tcpdump: packets that took the default route. */
  readonly packets: readonly string[];
  /** Names that somebody inside asked for and that are neither the cluster's nor its registries', with who asked. */
  readonly names: readonly string[];
}

/** What the control asks for: it shows that both counters count, so it is no leak. */
export const CONTROL = { address: '203.0.113.77', name: 'control.example.com' };

/** File of the questions that a test provokes, as in {@link Leaks}. */
const EXPECTED = 'expected-questions';

/** Announces that the node will ask for a public name: for a Pod whose image is public, as an expected failure has it. */
export function expectQuestion({ folder }: Pick<Cluster, 'folder'>, name: string): void {
  appendFileSync(join(folder, EXPECTED), `${NODE} ${name}\n`);
}

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
  const expected = new Set(read(join(folder, EXPECTED)));
  const questions = names.map(({ from, name }) => `${from} ${name}`);
  return { packets, names: questions.filter((question) => !expected.has(question)) };
}

function read(file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
}
