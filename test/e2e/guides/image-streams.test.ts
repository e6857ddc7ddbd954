import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { authority } from '../../support/certificate.ts';
import { INTERNAL } from '../../support/image-streams.ts';
import { KUBECTL, WITHOUT_KUBECTL } from '../../support/kubectl.ts';
import { fillShop, MOVED, type OpenShift, startOpenShift } from '../../support/openshift/cluster.ts';
import { pageBlocks, runPage } from '../../support/page.ts';
import { tagsOf } from '../../support/registry-tree.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** The commands of docs/guides/image-streams.md, with two clusters on loopback and the real kubectl in place of oc. */

const [home, cwd, programs] = [scratchFolder(), scratchFolder(), scratchFolder()];
const ca = authority();

let old: OpenShift;
let fresh: OpenShift;
let digests: ReadonlyMap<string, string>;

beforeAll(async () => {
  [old, fresh] = await Promise.all([startOpenShift(ca, 'sha256~old-token'), startOpenShift(ca, 'sha256~new-token')]);
  digests = await fillShop(old);
});
afterAll(() => Promise.all([old.stop(), fresh.stop()]));

test('the images and workloads of a namespace move to another cluster', { timeout: 300_000 }, async ({ skip }) => {
  if (KUBECTL === undefined) return skip(WITHOUT_KUBECTL);
  const token = `config view --raw --minify -o 'jsonpath={.users[0].user.token}'`;
  writeFileSync(
    join(programs, 'oc'),
    `#!/bin/sh\ncase "$*" in *' whoami -t') exec '${KUBECTL}' "$1" "$2" ${token} ;; esac\nexec '${KUBECTL}' "$@"\n`,
    { mode: 0o755 },
  );
  writeFileSync(join(programs, 'kubectl'), `#!/bin/sh\nexec '${KUBECTL}' "$@"\n`, { mode: 0o755 });
  writeFileSync(join(cwd, 'old.kubeconfig'), old.api.kubeconfig);
  writeFileSync(join(cwd, 'new.kubeconfig'), fresh.api.kubeconfig);
  const authorities = join(home, 'ca.crt');
  writeFileSync(authorities, ca.ca);
  const tags: string[][] = [];
  const writes: number[] = [];
  const runs = await runPage('docs/guides/image-streams.md', {
    cwd,
    home,
    replace: {
      'default-route-openshift-image-registry.apps.old.example.com': old.route.host,
      'default-route-openshift-image-registry.apps.new.example.com': fresh.route.host,
    },
    flags: (command) => (command === 'images' || command === 'image-streams' ? [] : ['--ca-file', authorities]),
    env: {
      PATH: programs,
      KUBECONFIG: join(cwd, 'old.kubeconfig'),
      SSL_CERT_FILE: authorities,
      XDG_RUNTIME_DIR: home,
    },
    before() {
      tags.push(tagsOf(fresh.route.registry));
      writes.push(fresh.route.requests.filter((request) => /^(?:PUT|POST|PATCH) /.test(request)).length);
    },
  });
  const [listed, , , , , , , , checked] = runs;

  // The table of the page is what the command prints.
  const table = pageBlocks('docs/guides/image-streams.md').find(({ language }) => language === 'text')?.text;
  expect(listed?.output).toContain(table);

  // Mirror, push, skopeo sync, and mirror of skopeo's file: each writes exactly the tags that have to move.
  const moved = (namespace: string): string[] => MOVED.map((tag) => `${namespace}/${tag} ${digests.get(tag)}`).sort();
  const all = [...moved('shop-new'), ...moved('shop-skopeo'), ...moved('shop')];
  expect(tags[1]).toEqual([]);
  expect(tags[2]).toEqual(moved('shop-new'));
  expect(tags[4]).toEqual(moved('shop-new'));
  expect(tags[5]).toEqual([...moved('shop-new'), ...moved('shop-skopeo')]);
  expect(tags[6]).toEqual(all);
  expect(parse(readFileSync(join(cwd, 'sync.yaml'), 'utf8'))).toEqual({
    [old.route.host]: { images: { 'shop/api': ['1.0', 'latest'], 'shop/cache': ['7'], 'shop/web': ['latest'] } },
  });
  expect(tagsOf(fresh.route.registry)).toEqual(all);
  // The last mirror has nothing to write.
  expect(fresh.route.requests.filter((request) => /^(?:PUT|POST|PATCH) /.test(request))).toHaveLength(
    writes.at(-1) ?? 0,
  );
  expect(checked?.output).toContain('4 tags unchanged');

  // Only names have changed in the copy of the export.
  const changes = readdirSync(join(cwd, 'export')).flatMap((file) => {
    const [before = [], after = []] = ['export', 'new'].map((folder) =>
      readFileSync(join(cwd, folder, file), 'utf8').split('\n'),
    );
    expect(after).toHaveLength(before.length);
    return before.flatMap((line, i) => (line === after[i] ? [] : [`${line.trim()} > ${after[i]?.trim()}`]));
  });
  const image = (name: string): string => `- image: ${INTERNAL}/shop/${name} > - image: ${INTERNAL}/shop-new/${name}`;
  expect(new Set(changes)).toEqual(
    new Set([
      'namespace: shop > namespace: shop-new',
      image('api:1.0'),
      image('cache:7'),
      image(`web@${digests.get('web:latest')}`),
    ]),
  );

  // Each registry saw its own token only, and nothing printed one.
  expect([[...old.route.passwords], [...fresh.route.passwords]]).toEqual([[old.token], [fresh.token]]);
  expect(runs.map(({ output }) => output).join('\n')).not.toMatch(/sha256~/);
});
