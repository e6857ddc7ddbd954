import { expect, it } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import { type AirgapEvent, ignoreEvents } from '../../../../src/base/events.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import type { RegistryConnection } from '../../../../src/session/connect.ts';
import type { Context } from '../../../../src/session/context.ts';
import { ReferrerCollector } from '../../../../src/transfer/referrers/collect.ts';
import { Walker } from '../../../../src/transfer/walk.ts';
import { pushGraph } from '../../../../src/workflows/push/push-graph.ts';
import { MemoryRegistry, noise, references } from '../../../support/memory-registry.ts';
import { addReferrer } from '../../../support/referrers.ts';

it('says how to complete the signature of an SBOM that failed: equal tags will not tell that it is missing', async () => {
  const source = new MemoryRegistry();
  source.listsReferrers = true;
  const image = source.addImage('quay.io/a', '1', [noise('a', 50)]);
  const signature = addReferrer(source, 'quay.io/a', addReferrer(source, 'quay.io/a', image), 'signature/of.sbom');
  const steps = { concurrency: 4, emit: ignoreEvents };
  const walker = new Walker(source, { ...steps, platforms: [] });
  await walker.add(references('quay.io/a:1'));
  const collector = new ReferrerCollector(source, walker, steps);
  await collector.collect(walker.graph().roots);
  const graph = await collector.withBlobs(walker.graph());
  const sink = new MemoryRegistry();
  sink.listsReferrers = true;
  sink.addImage('private.example/quay.io/a', '1', [noise('a', 50)]);
  const put = sink.putManifest.bind(sink);
  sink.putManifest = async (repository, content, tag) => {
    if (content.descriptor.digest !== signature.digest) return put(repository, content, tag);
    throw new AirgapError('registry', 'answers 500', { isTransient: true });
  };
  const events: AirgapEvent[] = [];
  const context = { env: {}, cwd: '/', emit: (event: AirgapEvent) => void events.push(event) } as unknown as Context;
  const connection = { client: sink, ecr: {} } as unknown as RegistryConnection;
  const pushing = pushGraph(context, graph, source, connection, {
    target: parseTarget('private.example', 'host-path'),
    concurrency: 4,
    existing: 'overwrite',
    requireReferrers: false,
    repositories: { create: false } as never,
    bundles: [],
    tagsLast: true,
    now: () => new Date(0),
  });
  await expect(pushing).rejects.toMatchObject({ code: 'registry' });
  const notes = events.flatMap((event) => (event.type === 'note' ? [event.message] : []));
  expect(notes.filter((message) => message.includes('--recheck'))).toHaveLength(1);
});
