import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkDepth } from '../base/depth.ts';
import { AirgapError } from '../base/errors.ts';
import { checkName } from '../base/names.ts';
import { SECRET_FILE } from '../base/own-file.ts';
import { jsonText } from '../base/printable.ts';
import { withFile } from './chart-copy.ts';
import { chartFiles, type Files } from './chart-files.ts';
import { type RenderedDocument, splitDocuments } from './documents.ts';
import { type Reach, reachOf, widest } from './environment.ts';
import type { Chart } from './fetch.ts';
import type { Helm } from './helm.ts';
import { refusal } from './refusal.ts';

/** A values tree. */
export type Values = Readonly<Record<string, unknown>>;

/** What decides a render, in Helm's own words. Lists keep the order of the command line. */
export interface RenderOptions {
  readonly values?: readonly string[];
  readonly set?: readonly string[];
  readonly setString?: readonly string[];
  readonly setJson?: readonly string[];
  readonly setFile?: readonly string[];
  readonly setLiteral?: readonly string[];
  readonly kubeVersion?: string;
  readonly apiVersions?: readonly string[];
  readonly skipSchemaValidation?: boolean;
  readonly releaseName?: string;
  readonly namespace?: string;
  readonly isUpgrade?: boolean;
  /** Without the hooks, `helm test` among them. */
  readonly noHooks?: boolean;
  /** Without `helm test`. */
  readonly skipTests?: boolean;
  readonly limits?: RenderLimits;
}

/** A user's values in none of their forms: what is left is the chart's own. */
export const NO_VALUES = { values: [], set: [], setString: [], setJson: [], setFile: [], setLiteral: [] } as const;

/** Whether the user gives any values. */
export function hasValues(options: RenderOptions): boolean {
  return (Object.keys(NO_VALUES) as (keyof typeof NO_VALUES)[]).some((form) => (options[form] ?? []).length > 0);
}

/** What one render may take. */
export interface RenderLimits {
  /** Milliseconds, 2 minutes unless told. */
  readonly time?: number;
  /** Bytes, 2 GiB unless told. */
  readonly memory?: number;
}

/** Milliseconds. The slowest charts known take some seconds, each on a machine with nothing else to do. */
const PATIENCE = 2 * 60_000;

export interface Render {
  readonly documents: readonly RenderedDocument[];
  /** The coalesced values that the templates saw, subcharts' defaults under their names. */
  readonly values: Values;
}

/** What says which images a chart has and how it builds them. */
const TEXTS = /(?:^|\/)(?:templates\/|(?:Chart\.yaml|requirements\.yaml|Images\.lock)$)/;
/** What Helm installs before the templates and as it is: CRDs and whatever else stands there, subcharts' too. */
const CRDS = /^(?:charts\/[^/]+\/)*crds\/.*\.(?:ya?ml|json)$/i;
/** Our own template in a copy of the chart: Helm itself says what the coalesced values are. */
const COALESCED = 'values: {{ .Values | toJson | quote }}\n';

/** Renders one chart again and again; keeps its scratch files in `workFolder` (absolute). */
export class Renderer {
  readonly chart: Chart;
  readonly #helm: Helm;
  readonly #workFolder: string;
  readonly #copy: string;
  /** Path of our own template. No chart can guess it, have a file there, or print a document that seems to be from there. */
  readonly #valuesTemplate = `templates/airgap-coalesced-values-${randomBytes(16).toString('hex')}.yaml`;
  #prepared: Promise<void> | undefined;
  #files: Promise<Files> | undefined;
  #texts: Promise<Files> | undefined;
  /** Why a render was ended. A chart that takes too much once is not rendered again, with whatever values. */
  #limitError: AirgapError | undefined;
  #runs = 0;

  constructor(helm: Helm, chart: Chart, workFolder: string) {
    this.chart = chart;
    this.#helm = helm;
    this.#workFolder = workFolder;
    this.#copy = join(workFolder, 'chart.tgz');
  }

  /**
   * Renders the chart; `overrides` come after the options' own values files, as a `-f overrides.yaml` at the end would. A
   * text is given to Helm as it is.
   * CRDs are left out; hooks and tests are in, unless told.
   * @throws AirgapError `chart-render`, `chart-invalid` with Helm's message
   */
  async render(options: RenderOptions, overrides?: Values | string): Promise<Render> {
    this.#prepared ??= this.#prepare();
    await this.#prepared;
    const files: string[] = [...(options.values ?? [])];
    this.#runs += 1;
    const overridesFile = join(this.#workFolder, `overrides-${this.#runs}.yaml`);
    if (overrides !== undefined) {
      const text = typeof overrides === 'string' ? overrides : jsonText(overrides);
      await writeFile(overridesFile, text, { mode: SECRET_FILE });
      files.push(overridesFile);
    }
    const { limits, releaseName = 'release-name' } = options;
    const name = checkName('release name', releaseName, 'the release', 'usage');
    const flags = renderFlags({ ...options, values: files });
    if (this.#limitError !== undefined) throw this.#limitError;
    const { exitCode, stdout, stderr, ended } = await this.#helm.run(['template', ...flags, '--', name, this.#copy], {
      reach: widest([...(options.values ?? []), ...(options.setFile ?? [])].map(reachOfValues)),
      patience: limits?.time ?? PATIENCE,
      ...(limits?.memory === undefined ? {} : { memory: limits.memory }),
    });
    await rm(overridesFile, { force: true });
    if (ended !== undefined) {
      this.#limitError = this.#limitExceeded(`Helm could not render ${this.#title()}: ${ended}`);
      throw this.#limitError;
    }
    if (exitCode !== 0) {
      // Helm names the copy that it was given; the reader knows the chart by its name.
      throw refusal(`render ${this.#title()}`, stderr.replaceAll(this.#copy, this.chart.metadata.name));
    }
    return this.#splitOffValues(splitDocuments(stdout));
  }

  /** Templates, descriptions and lists of the chart and its subcharts, by path; the archive is read once for all who ask. */
  texts(): Promise<Files> {
    this.#texts ??= this.#read().then((files) => only(files, TEXTS));
    return this.#texts;
  }

  /** Files of the folders `crds` of the chart and its subcharts, by path. */
  async crds(): Promise<Files> {
    return only(await this.#read(), CRDS);
  }

  /** Renders the same chart with other content. @param folder absolute, for its scratch files */
  of(archive: string, folder: string): Renderer {
    return new Renderer(this.#helm, { ...this.chart, archive }, folder);
  }

  #read(): Promise<Files> {
    this.#files ??= chartFiles(this.chart.archive, { test: (path) => TEXTS.test(path) || CRDS.test(path) });
    return this.#files;
  }

  #title(): string {
    const { name, version } = this.chart.metadata;
    return `chart ${name} ${version}`;
  }

  #limitExceeded(message: string): AirgapError {
    return new AirgapError('chart-render', message, {
      hint: 'a chart that needs more gets it with --render-timeout and --render-memory',
    });
  }

  async #prepare(): Promise<void> {
    await mkdir(this.#workFolder, { recursive: true });
    const { archive, root } = this.chart;
    await writeFile(this.#copy, await withFile(archive, `${root}/${this.#valuesTemplate}`, COALESCED));
  }

  #splitOffValues(all: readonly RenderedDocument[]): Render {
    const isOurs = ({ template }: RenderedDocument): boolean => template.endsWith(`/${this.#valuesTemplate}`);
    const ours = all.find(isOurs)?.object?.values;
    if (typeof ours !== 'string') {
      const { name, type } = this.chart.metadata;
      const hint = type === 'library' ? 'a library chart installs nothing; give the chart that uses it' : undefined;
      throw new AirgapError('chart-render', `chart ${name} rendered no values`, { hint });
    }
    const values = JSON.parse(ours) as Values;
    checkDepth(values, `the values of chart ${this.chart.metadata.name}`);
    return { documents: all.filter((document) => !isOurs(document)), values };
  }
}

function only(files: Files, wanted: RegExp): Files {
  return new Map([...files].filter(([path]) => wanted.test(path)));
}

/** A values file by an address is Helm's to fetch, and what is behind another scheme than a web server's a plugin's. */
function reachOfValues(text: string): Reach {
  const [, address] = /(?:^|=)([a-z][a-z0-9+.-]*:\/\/.*)$/is.exec(text) ?? [];
  return address === undefined ? 'nothing' : reachOf(address);
}

/** Values follow an equals sign: one that begins with a dash is no option of Helm's then. */
function renderFlags(options: RenderOptions): string[] {
  const each = (flag: string, values: readonly string[] = []): string[] => values.map((value) => `${flag}=${value}`);
  const { kubeVersion, namespace } = options;
  return [
    ...each('--values', options.values),
    ...each('--set-json', options.setJson),
    ...each('--set', options.set),
    ...each('--set-string', options.setString),
    ...each('--set-file', options.setFile),
    ...each('--set-literal', options.setLiteral),
    ...(kubeVersion ? [`--kube-version=${kubeVersion}`] : []),
    ...each('--api-versions', options.apiVersions),
    ...(options.skipSchemaValidation ? ['--skip-schema-validation'] : []),
    ...(namespace ? [`--namespace=${checkName('namespace', namespace, 'the release', 'usage')}`] : []),
    ...(options.isUpgrade ? ['--is-upgrade'] : []),
    ...(options.noHooks ? ['--no-hooks'] : []),
    ...(options.skipTests ? ['--skip-tests'] : []),
  ];
}
