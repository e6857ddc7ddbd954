import { createHash } from 'node:crypto';
import { algorithmOf, type Digest, digestOf, encodedOf } from '../oci/digest.ts';
import { formatRepository, parseReference, type Repository } from '../oci/reference.ts';
import { referrerKind } from '../oci/referrer.ts';
import { formatInventory, type Inventory, type InventoryChart, type InventoryImage } from './inventory.ts';
import { helmPurl, ociPurl } from './purl.ts';

/** A component (CycloneDX 1.6, `component`) with the fields that an inventory provides. */
interface BomComponent {
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
export interface Bom {
  readonly $schema: string;
  readonly bomFormat: 'CycloneDX';
  readonly specVersion: '1.6';
  readonly serialNumber: string;
  readonly version: 1;
  readonly metadata: object;
  readonly components: readonly BomComponent[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/** `bom-ref` of the bundle itself. Images and charts have a prefix, so it is unique. */
const BUNDLE_REF = 'bundle';

/**
 * Creates the bill of materials of a bundle: its charts, images and referrers with their dependencies. A chart depends
 * on its images and nested charts, the bundle on everything requested by name and on all referrers. A referrer
 * (signature, SBOM) depends on its subject. The result is deterministic: it has no timestamp, and its serial number is
 * derived from the digest of the inventory.
 */
export function cyclonedxBom(inventory: Inventory, toolVersion: string): Bom {
  const digest = digestOf(formatInventory(inventory));
  const components = new Map<string, BomComponent>();
  for (const chart of inventory.charts) components.set(chartRef(chart), chartComponent(chart));
  for (const image of inventory.images) components.set(imageRef(image), imageComponent(image));
  for (const { ref, component } of referrerComponents(inventory)) components.set(ref, component);
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(`urn:airgap:lock:${digest}`)}`,
    version: 1,
    metadata: {
      tools: { components: [{ type: 'application', name: 'helm-airgap', version: toolVersion }] },
      component: { type: 'file', 'bom-ref': BUNDLE_REF, name: 'helm airgap bundle', version: digest },
    },
    components: [...components].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, component]) => component),
    dependencies: dependenciesOf(inventory),
  };
}

function dependenciesOf(inventory: Inventory): Bom['dependencies'] {
  const { charts, images } = inventory;
  const dependencies = new Map<string, Set<string>>([[BUNDLE_REF, new Set()]]);
  for (const ref of [...charts.map(chartRef), ...images.map(imageRef)]) dependencies.set(ref, new Set());
  // Locations name a chart without its version, so all versions of it get the dependency.
  const chartRefs = (name: string): string[] => charts.filter((chart) => chart.name === name).map(chartRef);
  const addDependency = (parents: readonly string[], ref: string): void => {
    for (const parent of parents.length > 0 ? parents : [BUNDLE_REF])
      if (parent !== ref) dependencies.get(parent)?.add(ref);
  };
  for (const chart of charts) addDependency(chart.parent === undefined ? [] : chartRefs(chart.parent), chartRef(chart));
  for (const image of images) {
    const ref = imageRef(image);
    for (const { chart } of image.found) addDependency(chartRefs(chart), ref);
    if (image.found.length === 0) addDependency([], ref);
  }
  for (const { ref, dependsOn } of referrerComponents(inventory)) {
    dependencies.get(BUNDLE_REF)?.add(ref);
    dependencies.set(ref, (dependencies.get(ref) ?? new Set()).add(dependsOn));
  }
  return [...dependencies]
    .map(([ref, dependsOn]) => ({ ref, dependsOn: [...dependsOn].sort() }))
    .sort((a, b) => (a.ref < b.ref ? -1 : 1));
}

function chartRef({ name, version }: InventoryChart): string {
  return `chart:${name}@${version}`;
}

function imageRef({ reference }: InventoryImage): string {
  return `image:${reference}`;
}

function chartComponent(chart: InventoryChart): BomComponent {
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

function imageComponent(image: InventoryImage): BomComponent {
  const reference = parseReference(image.reference);
  const { digest, sourceDigest, mediaType, platforms, bytes, confidence, need } = image;
  const facts = {
    digest,
    sourceDigest,
    mediaType,
    platforms: platforms.join(' '),
    bytes,
    confidence,
    need,
  };
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
interface ReferrerComponent {
  readonly ref: string;
  /** `bom-ref` of its subject. */
  readonly dependsOn: string;
  readonly component: BomComponent;
}

function referrerComponents({ charts, images }: Inventory): readonly ReferrerComponent[] {
  return [
    ...charts.flatMap((chart) => referrerComponentsOf(chart, chartRef(chart), `charts/${chart.name}`)),
    ...images.flatMap((image) => {
      const { registry, path } = parseReference(image.reference);
      return referrerComponentsOf(image, imageRef(image), `${registry}/${path}`, { registry, path });
    }),
  ];
}

/** Returns the bundled referrers. Those that a platform subset left out are not in the bundle. */
function referrerComponentsOf(
  { referrers = [] }: InventoryChart | InventoryImage,
  ownerRef: string,
  name: string,
  repository?: Repository,
): readonly ReferrerComponent[] {
  const bundled = referrers.filter(({ leftOut }) => !leftOut);
  const refOf = (digest: string): string => `belonging:${name}@${digest}`;
  const bundledDigests = new Set(bundled.map(({ digest }) => digest));
  return bundled.map(({ digest, subject, artifactType, tag }) => ({
    ref: refOf(digest),
    dependsOn: bundledDigests.has(subject) ? refOf(subject) : ownerRef,
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
function propertiesOf(facts: Readonly<Record<string, unknown>>): BomComponent['properties'] {
  return Object.entries(facts)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => ({ name: `airgap:${name}`, value: String(value) }));
}

function hashOf(digest: Digest): BomComponent['hashes'][number] {
  return { alg: algorithmOf(digest) === 'sha256' ? 'SHA-256' : 'SHA-512', content: encodedOf(digest) };
}

/** UUID namespace of URLs (RFC 9562, 6.6). */
const URL_NAMESPACE = Buffer.from('6ba7b8119dad11d180b400c04fd430c8', 'hex');

/** Returns the version 5 UUID of a URL (RFC 9562, 5.5). */
function uuidOf(url: string): string {
  const bytes = createHash('sha1').update(URL_NAMESPACE).update(url).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
