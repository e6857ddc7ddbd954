import { afterAll, expect, test, vi } from 'vitest';
import { sharedCluster } from '../support/cluster/each-run.ts';
import { createNamespace } from '../support/cluster/journey/inside.ts';
import { CONTROL, leaksOf } from '../support/cluster/judges/isolation.ts';

const cluster = sharedCluster();

afterAll(() => expect(leaksOf(cluster)).toEqual({ packets: [], names: [] }));

test('the control: a packet and a question from the node and from a Pod are counted, and nobody answers', async () => {
  await createNamespace(cluster, 'control');
  await cluster.kubectl([
    '-n',
    'control',
    'run',
    'control',
    '--image=registry.airgap.test:5000/none',
    '--restart=Never',
  ]);
  const ask = `echo x > /dev/udp/${CONTROL.address}/9; getent hosts ${CONTROL.name}`;
  const node = await cluster.run(['bash', '-c', ask]);
  // A Pod has a network even if its image cannot be pulled.
  const inPod = `for i in $(seq 100); do
      network=/run/netns/$(ls /run/netns | head -n 1)
      nsenter --net="$network" ip route 2>&1 | grep -q default && break
      sleep 0.1
    done
    exec nsenter --net="$network" bash -c '${ask}'`;
  const pod = await cluster.run(['bash', '-c', inPod]);
  // getent: the name was not found.
  expect([node.code, pod.code]).toEqual([2, 2]);
  // tcpdump writes a line a moment later.
  await vi.waitFor(() => expect(leaksOf(cluster, true).packets).toHaveLength(2), 5000);
  const { packets, names } = leaksOf(cluster, true);
  const from = (address: string): RegExp => new RegExp(` IP ${address.replaceAll('.', '\\.')}\\d*\\.\\d+ > `);
  expect(packets.filter((line) => from('192.0.2.10').test(line))).toHaveLength(1);
  expect(packets.filter((line) => from('198.18.0.').test(line))).toHaveLength(1);
  expect(new Set(names.map((line) => line.replace(/\.\d+ /, '.N ')))).toEqual(
    new Set([`192.0.2.N ${CONTROL.name}`, `198.18.0.N ${CONTROL.name}`]),
  );
  await cluster.kubectl(['delete', 'namespace', 'control', '--wait=false']);
});
