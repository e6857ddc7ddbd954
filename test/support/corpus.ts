import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { RenderOptions } from '../../src/helm/render.ts';
import { formatReference, parseReference } from '../../src/oci/reference.ts';
import { realCharts } from './charts.ts';
import { escapeRegExp } from './escape-reg-exp.ts';

/** A reference of the ground truth; one entry for each way in which the chart has it. */
export interface TrueImage {
  /** As the chart writes or composes it. */
  readonly ref: string;
  /** With docker.io, library/ and :latest filled in. */
  readonly normalized: string;
  /** How the chart has it; `operator-binary` and `child-chart` ones are not in the chart's own render. */
  readonly how: string;
  /** When it is pulled: by a default `install`, a `test`, an `operand` and so on. */
  readonly need: string;
}

/** A real chart with hand-checked ground truth. */
export interface CorpusChart {
  /** Name and version. */
  readonly name: string;
  /** Path of the archive. */
  readonly archive: string;
  /** Options with which the truth was rendered, paths absolute. */
  readonly render: RenderOptions & { readonly releaseName: string };
  /** The same as arguments of `helm template`, after the release's name and the archive. */
  readonly flags: readonly string[];
  readonly images: readonly TrueImage[];
  /** Normalised; neither expected nor wrong. */
  readonly ambiguous: readonly string[];
  /** Texts that look like references and are not. */
  readonly traps: readonly string[];
  /** The truth includes charts that its jobs install; they are in the same folder. */
  readonly nests: boolean;
}

/** Truths by archive, as in truth.json. */
type Truths = Readonly<Record<string, Truth>>;

interface Truth {
  readonly flags: readonly string[];
  readonly images: readonly TrueImage[];
  readonly ambiguous?: readonly (string | Readonly<Partial<Record<'normalized' | 'ref' | 'string', string>>>)[];
  readonly traps?: readonly { readonly string: string }[];
  /** Found by searching for texts that look like references. */
  readonly traps_auto?: readonly { readonly string: string }[];
}

/** Kubernetes version with which the truth was rendered; Helm versions have other defaults. */
export const KUBE_VERSION = '1.35.0';
const RELEASE = 'rel';

/** Reads the charts with ground truth whose archives are in the folder (absolute). */
export function readCorpus(folder: string = realCharts()): CorpusChart[] {
  const file = join(folder, 'truth.json');
  const truths: Truths = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  return Object.entries(truths)
    .map(([archive, truth]) => chartOf(folder, archive, truth))
    .filter(({ archive }) => existsSync(archive));
}

function chartOf(folder: string, archive: string, truth: Truth): CorpusChart {
  const { images, ambiguous = [], traps = [], traps_auto = [] } = truth;
  const pinned = truth.flags.includes('--kube-version') ? [] : ['--kube-version', KUBE_VERSION];
  const flags = [...pinned, ...truth.flags];
  const absolute = flags.map((flag, i) => (isValuesFlag(flags[i - 1]) ? join(folder, flag) : flag));
  return {
    name: archive.replace(/\.tgz$/, ''),
    archive: join(folder, archive),
    render: { ...renderOptions(absolute), releaseName: RELEASE },
    flags: absolute,
    images,
    ambiguous: ambiguous.map((entry) => {
      const text = typeof entry === 'string' ? entry : (entry.normalized ?? entry.ref ?? entry.string ?? '');
      return formatReference(parseReference(text));
    }),
    traps: [...traps, ...traps_auto].map(({ string }) => string),
    nests: images.some(({ how }) => how === 'child-chart'),
  };
}

const isValuesFlag = (flag: string | undefined): boolean => flag === '-f' || flag === '--values';

/** Parses Helm's flags as options of a render. @throws Error for an unknown flag */
function renderOptions(flags: readonly string[]): RenderOptions {
  const lists: Record<'values' | 'set' | 'apiVersions', string[]> = { values: [], set: [], apiVersions: [] };
  let kubeVersion: string | undefined;
  let skipSchemaValidation = false;
  const rest = [...flags];
  for (let flag = rest.shift(); flag !== undefined; flag = rest.shift()) {
    if (flag === '--skip-schema-validation') skipSchemaValidation = true;
    else if (isValuesFlag(flag)) lists.values.push(rest.shift() ?? '');
    else if (flag === '--set') lists.set.push(rest.shift() ?? '');
    else if (flag === '--api-versions') lists.apiVersions.push(rest.shift() ?? '');
    else if (flag === '--kube-version') kubeVersion = rest.shift();
    else throw new Error(`the ground truth has an unknown flag, ${flag}`);
  }
  return { ...lists, kubeVersion, skipSchemaValidation };
}

/** Locations of the truth's references, by normalised reference; empty where the corpus has none. */
export function trueLocations({ archive }: CorpusChart): ReadonlyMap<string, readonly string[]> {
  const folder = join(archive, '../truth');
  const files = existsSync(folder) ? readdirSync(folder) : [];
  const locations = new Map<string, string[]>();
  for (const file of files) {
    const text = readFileSync(join(folder, file), 'utf8');
    if (!text.includes(`\ntgz: ${archive.slice(archive.lastIndexOf('/') + 1)}\n`)) continue;
    const { images } = parse(text) as { images: readonly { normalized: string; where?: string[]; note?: string }[] };
    for (const { normalized, where = [], note } of images) {
      const known = where.length === 0 && note !== undefined ? [note] : where;
      locations.set(normalized, [...(locations.get(normalized) ?? []), ...known]);
    }
  }
  return locations;
}

/** Returns whether a text has a reference as a whole name: neither the tail of a private one nor part of a longer one. */
export function hasReference(text: string, reference: string): boolean {
  return new RegExp(`(?<![\\w./@-])${escapeRegExp(reference)}(?![\\w/@-]|:\\w|\\.\\w)`).test(text);
}
