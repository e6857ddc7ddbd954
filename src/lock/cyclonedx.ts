import { createHash } from 'node:crypto';
import { algorithmOf, type Digest, digestOf, encodedOf } from '../oci/digest.ts';
import { formatRepository, parseReference, type Repository } from '../oci/reference.ts';
import { referrerKind } from '../oci/referrer.ts';
import { formatLock, type Lock, type LockChart, type LockImage } from './lock.ts';
import { helmPurl, ociPurl } from './purl.ts';

/** A component (CycloneDX 1.6, `component`) with the fields that an inventory provides. */
export interface Component {
  readonly type: 'application' | 'container' | 'file';
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly hashes: readonly { readonly alg: 'SHA-256' | 'SHA-512'; readonly content: string }[];
  /** Absent for referrers of charts, whose repository is not known. */
  readonly purl?: string;
  readonly externalReferences?: readonly { readonly type: 'distribution'; readonly url: string }[];
  readonly properties: readonly { readonly name: string; readonly value: string }[];
}

/** A bill of materials in CycloneDX 1.6 JSON (ECMA-424). */
export interface Bill {
  readonly $schema: string;
  readonly bomFormat: 'CycloneDX';
  readonly specVersion: '1.6';
  readonly serialNumber: string;
  readonly version: 1;
  readonly metadata: object;
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/** `bom-ref` of the bundle itself. Images and charts have a prefix, so it is unique. */
const BUNDLE = 'bundle';

/**
 * Creates the bill of materials of a bundle: its charts, images and referrers with their dependencies. A chart depends
 * on its images and nested charts, the bundle on everything requested by name and on all referrers. A referrer
 * (signature, SBOM) depends on its subject. The result is deterministic: it has no timestamp, and its serial number is
 * derived from the digest of the inventory.
 */
export function cyclonedx(lock: Lock, tool: string): Bill {
  const digest = digestOf(formatLock(lock));
  const components = new Map<string, Component>();
  for (const chart of lock.charts) components.set(chartRef(chart), chartComponent(chart));
  for (const image of lock.images) components.set(imageRef(image), imageComponent(image));
  for (const { ref, component } of belongingIn(lock)) components.set(ref, component);
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(`urn:airgap:lock:${digest}`)}`,
    version: 1,
    metadata: {
      tools: { components: [{ type: 'application', name: 'helm-airgap', version: tool }] },
      component: { type: 'file', 'bom-ref': BUNDLE, name: 'helm airgap bundle', version: digest },
    },
    components: [...components].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, component]) => component),
    dependencies: dependenciesOf(lock),
  };
}

function dependenciesOf(lock: Lock): Bill['dependencies'] {
  const { charts, images } = lock;
  const needs = new Map<string, Set<string>>([[BUNDLE, new Set()]]);
  for (const ref of [...charts.map(chartRef), ...images.map(imageRef)]) needs.set(ref, new Set());
  // Locations name a chart without its version, so all versions of it get the dependency.
  const named = (name: string): string[] => charts.filter((chart) => chart.name === name).map(chartRef);
  const need = (parents: readonly string[], ref: string): void => {
    for (const parent of parents.length > 0 ? parents : [BUNDLE]) if (parent !== ref) needs.get(parent)?.add(ref);
  };
  for (const chart of charts) need(chart.parent === undefined ? [] : named(chart.parent), chartRef(chart));
  for (const image of images) {
    const ref = imageRef(image);
    for (const { chart } of image.found) need(named(chart), ref);
    if (image.found.length === 0) need([], ref);
  }
  for (const { ref, to } of belongingIn(lock)) {
    needs.get(BUNDLE)?.add(ref);
    needs.set(ref, (needs.get(ref) ?? new Set()).add(to));
  }
  return [...needs]
    .map(([ref, dependsOn]) => ({ ref, dependsOn: [...dependsOn].sort() }))
    .sort((a, b) => (a.ref < b.ref ? -1 : 1));
}

function chartRef({ name, version }: LockChart): string {
  return `chart:${name}@${version}`;
}

function imageRef({ reference }: LockImage): string {
  return `image:${reference}`;
}

function chartComponent(chart: LockChart): Component {
  const { name, version, source, digest } = chart;
  const isAddress = /^(?:https?|oci):\/\//.test(source);
  const repository = isAddress && source.endsWith(`/${name}`) ? source.slice(0, -name.length - 1) : undefined;
  return {
    type: 'application',
    'bom-ref': chartRef(chart),
    name,
    version,
    hashes: [hashOf(digest as Digest)],
    purl: helmPurl(name, version, repository),
    ...(isAddress ? { externalReferences: [{ type: 'distribution', url: source }] } : {}),
    properties: [{ name: 'airgap:digest', value: digest }],
  };
}

function imageComponent(image: LockImage): Component {
  const reference = parseReference(image.reference);
  const { digest, sourceDigest, mediaType, platforms, bytes, confidence, need } = image;
  const facts = { digest, sourceDigest, mediaType, platforms: platforms.join(' '), bytes, confidence, need };
  return {
    type: 'container',
    'bom-ref': imageRef(image),
    name: formatRepository(reference),
    version: reference.tag ?? digest,
    hashes: [hashOf(digest as Digest)],
    purl: ociPurl(reference, digest),
    properties: propertiesOf(facts),
  };
}

/** A referrer of an image or chart, as a component. */
interface Belonging {
  readonly ref: string;
  /** `bom-ref` of its subject. */
  readonly to: string;
  readonly component: Component;
}

function belongingIn({ charts, images }: Lock): readonly Belonging[] {
  return [
    ...charts.flatMap((chart) => belongingTo(chart, chartRef(chart), `charts/${chart.name}`)),
    ...images.flatMap((image) => {
      const { registry, path } = parseReference(image.reference);
      return belongingTo(image, imageRef(image), `${registry}/${path}`, { registry, path });
    }),
  ];
}

/** Returns the bundled referrers. Those that a platform subset left out are not in the bundle. */
function belongingTo(
  { referrers = [] }: LockChart | LockImage,
  owner: string,
  name: string,
  repository?: Repository,
): readonly Belonging[] {
  const carried = referrers.filter(({ leftOut }) => !leftOut);
  const refOf = (digest: string): string => `belonging:${name}@${digest}`;
  const own = new Set(carried.map(({ digest }) => digest));
  return carried.map(({ digest, subject, artifactType, tag }) => ({
    ref: refOf(digest),
    to: own.has(subject) ? refOf(subject) : owner,
    component: {
      type: 'file',
      'bom-ref': refOf(digest),
      name: `${referrerKind({ artifactType, ...(tag && { tag }) })} of ${name}`,
      version: digest,
      hashes: [hashOf(digest as Digest)],
      ...(repository && { purl: ociPurl(repository, digest) }),
      properties: propertiesOf({ digest, subject, artifactType, tag }),
    },
  }));
}

/** Returns properties for facts that have no field in CycloneDX. */
function propertiesOf(facts: Readonly<Record<string, unknown>>): Component['properties'] {
  return Object.entries(facts)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => ({ name: `airgap:${name}`, value: String(value) }));
}

function hashOf(digest: Digest): Component['hashes'][number] {
  return { alg: algorithmOf(digest) === 'sha256' ? 'SHA-256' : 'SHA-512', content: encodedOf(digest) };
}

/** UUID namespace of URLs (RFC 9562, 6.6). */
const URLS = Buffer.from('6ba7b8119dad11d180b400c04fd430c8', 'hex');

/** Returns the version 5 UUID of a URL (RFC 9562, 5.5). */
function uuidOf(url: string): string {
  const bytes = createHash('sha1').update(URLS).update(url).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
