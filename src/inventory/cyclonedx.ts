import { createHash } from 'node:crypto';
import { ComponentType, ExternalReferenceType, HashAlgorithm } from '@cyclonedx/cyclonedx-library/Enums';
import {
  Bom,
  Component,
  ComponentRepository,
  ExternalReference,
  ExternalReferenceRepository,
  HashDictionary,
  Metadata,
  Property,
  PropertyRepository,
  Tools,
} from '@cyclonedx/cyclonedx-library/Models';
import { JSON as BomJson } from '@cyclonedx/cyclonedx-library/Serialize';
import { Spec1dot6 } from '@cyclonedx/cyclonedx-library/Spec';
import { PackageURL } from 'packageurl-js';
import { compareText } from '../base/text-order.ts';
import { algorithmOf, type Digest, digestOf, encodedOf } from '../oci/digest.ts';
import { formatRepository, parseReference, type Reference, type Repository } from '../oci/reference.ts';
import { referrerKind } from '../oci/referrer.ts';
import { formatInventory, type Inventory, type InventoryChart, type InventoryImage } from './inventory.ts';
import { toolPath } from './tool-names.ts';
import type { InventoryTool } from './tools.ts';

/** A bill of materials as CycloneDX 1.6 JSON (ECMA-424). */
export type BomDocument = BomJson.Types.Normalized.Bom;

/** `bom-ref` of the bundle itself. Images and charts have a prefix, so it is unique. */
const BUNDLE_REF = 'bundle';

/**
 * Creates the bill of materials of a bundle: its charts, images, referrers and tools with their dependencies. A chart
 * depends on its images and nested charts, the bundle on everything requested by name, all referrers and tools. A referrer
 * (signature, SBOM) depends on its subject. The result is deterministic: it has no timestamp, its serial number is
 * derived from the digest of the inventory, and its lists are sorted by `bom-ref`.
 */
export function cyclonedxBom(inventory: Inventory, toolVersion: string): BomDocument {
  const digest = digestOf(formatInventory(inventory));
  const bundle = new Component(ComponentType.File, 'helm airgap bundle', { bomRef: BUNDLE_REF, version: digest });
  const tool = new Component(ComponentType.Application, 'helm-airgap', { version: toolVersion });
  const referrers = referrerComponents(inventory);
  const components = new Map<string, Component>();
  for (const chart of inventory.charts) components.set(chartRef(chart), chartComponent(chart));
  for (const image of inventory.images) components.set(imageRef(image), imageComponent(image));
  for (const { ref, component } of referrers) components.set(ref, component);
  for (const tool of inventory.tools ?? []) components.set(toolRef(tool), toolComponent(tool));
  addDependencies(inventory, referrers, new Map([...components, [BUNDLE_REF, bundle]]));
  const bom = new Bom({
    serialNumber: `urn:uuid:${uuidOf(`urn:airgap:lock:${digest}`)}`,
    metadata: new Metadata({ component: bundle, tools: new Tools({ components: new ComponentRepository([tool]) }) }),
    components: new ComponentRepository(
      [...components].sort(([a], [b]) => compareText(a, b)).map(([, component]) => component),
    ),
  });
  // Without the library's own sorting, which depends on the locale.
  const json = new BomJson.Normalize.Factory(Spec1dot6).makeForBom().normalize(bom, {});
  json.dependencies?.sort((a, b) => compareText(a.ref, b.ref));
  for (const { dependsOn } of json.dependencies ?? []) dependsOn?.sort();
  for (const { externalReferences = [] } of json.components ?? []) {
    // The library escapes all brackets, but an IPv6 host needs them (RFC 3986, 3.2.2).
    for (const address of externalReferences) address.url = address.url.replace(/^(\w+:\/\/)%5B([^%/]+)%5D/, '$1[$2]');
  }
  return json;
}

function addDependencies(
  { charts, images, tools = [] }: Inventory,
  referrers: readonly ReferrerComponent[],
  components: ReadonlyMap<string, Component>,
): void {
  // Locations name a chart without its version, so all versions of it get the dependency.
  const chartRefs = (name: string): string[] => charts.filter((chart) => chart.name === name).map(chartRef);
  const addDependency = (parents: readonly string[], ref: string): void => {
    const component = components.get(ref);
    for (const parent of parents.length > 0 ? parents : [BUNDLE_REF])
      if (component) components.get(parent)?.dependencies.add(component.bomRef);
  };
  for (const chart of charts) addDependency(chart.parent === undefined ? [] : chartRefs(chart.parent), chartRef(chart));
  for (const image of images) {
    const ref = imageRef(image);
    for (const { chart } of image.found) addDependency(chartRefs(chart), ref);
    if (image.found.length === 0) addDependency([], ref);
  }
  for (const { ref, dependsOn } of referrers) {
    addDependency([BUNDLE_REF], ref);
    addDependency([ref], dependsOn);
  }
  for (const tool of tools) addDependency([], toolRef(tool));
}

function chartRef({ name, version }: InventoryChart): string {
  return `chart:${name}@${version}`;
}

function imageRef({ reference }: InventoryImage): string {
  return `image:${reference}`;
}

function toolRef({ name }: InventoryTool): string {
  return `tool:${name}`;
}

function toolComponent(tool: InventoryTool): Component {
  const { name, digest, platform, size } = tool;
  return new Component(ComponentType.File, toolPath(name), {
    bomRef: toolRef(tool),
    version: digest,
    hashes: hashesOf(digest),
    properties: propertiesOf({ digest, platform, bytes: size }),
  });
}

function chartComponent(chart: InventoryChart): Component {
  const { name, version, source, digest } = chart;
  const isAddress = /^(?:https?|oci):\/\//.test(source);
  const repository = isAddress && source.endsWith(`/${name}`) ? source.slice(0, -name.length - 1) : undefined;
  return new Component(ComponentType.Application, name, {
    bomRef: chartRef(chart),
    version,
    hashes: hashesOf(digest),
    purl: helmPurl(name, version, repository),
    externalReferences: new ExternalReferenceRepository(
      isAddress ? [new ExternalReference(source, ExternalReferenceType.Distribution)] : [],
    ),
    properties: propertiesOf({ digest }),
  });
}

function imageComponent(image: InventoryImage): Component {
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
  return new Component(ComponentType.Container, formatRepository(reference), {
    bomRef: imageRef(image),
    version: reference.tag ?? digest,
    hashes: hashesOf(digest),
    purl: ociPurl(reference, digest),
    properties: propertiesOf(facts),
  });
}

/** A referrer of an image or chart, as a component. */
interface ReferrerComponent {
  readonly ref: string;
  /** `bom-ref` of its subject. */
  readonly dependsOn: string;
  readonly component: Component;
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
    component: new Component(ComponentType.File, `${referrerKind({ artifactType, tag })} of ${name}`, {
      bomRef: refOf(digest),
      version: digest,
      hashes: hashesOf(digest),
      purl: repository && ociPurl(repository, digest),
      properties: propertiesOf({ digest, subject, artifactType, tag }),
    }),
  }));
}

/** Returns properties for facts that have no field in CycloneDX. */
function propertiesOf(facts: Readonly<Record<string, unknown>>): PropertyRepository {
  return new PropertyRepository(
    Object.entries(facts)
      .filter(([, value]) => value !== undefined && value !== '')
      .map(([name, value]) => new Property(`airgap:${name}`, String(value))),
  );
}

function hashesOf(digest: string): HashDictionary {
  const algorithm = algorithmOf(digest as Digest) === 'sha256' ? HashAlgorithm['SHA-256'] : HashAlgorithm['SHA-512'];
  return new HashDictionary([[algorithm, encodedOf(digest as Digest)]]);
}

/**
 * Returns a package URL of type `oci`: last component of the repository, digest as version, repository and tag as
 * qualifiers.
 */
function ociPurl({ registry, path, tag }: Reference, digest: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return purlOf('oci', name, digest, { repository_url: `${registry}/${path}`, ...(tag && { tag }) });
}

/** Returns a package URL of type `helm`, which is not registered but in common use, with the repository if known. */
function helmPurl(name: string, version: string, repository: string | undefined): string {
  return purlOf('helm', name, version, repository === undefined ? undefined : { repository_url: repository });
}

function purlOf(type: string, name: string, version: string, qualifiers: Record<string, string> | undefined): string {
  const purl = new PackageURL(type, undefined, name, version, qualifiers, undefined).toString();
  // ECMA-427, 5.4: all characters but letters, digits and `.-_~:` are percent-encoded. The library encodes qualifiers
  // like a form, with `~` and `:` encoded and `*` not, and leaves `+` in versions.
  return purl
    .replace(/%3A|%7E/g, decodeURIComponent)
    .replace(/[*+]/g, (character) => (character === '+' ? '%2B' : '%2A'));
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
