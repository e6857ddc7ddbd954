import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkDepth } from '../base/depth.ts';
import { AirgapError } from '../base/errors.ts';
import { checkName } from '../base/names.ts';
import { SECRET_FILE } from '../base/own-file.ts';
import { jsonText } from '../base/printable.ts';
import { archiveWithFile } from './chart-archive.ts';
import { type ChartFiles, readChartFiles } from './chart-files.ts';
import { type RenderedDocument, splitDocuments } from './documents.ts';
import { type EnvironmentScope, environmentScopeFor, widestScope } from './environment.ts';
import type { Chart } from './fetch.ts';
import type { Helm } from './helm.ts';
import { helmError } from './helm-error.ts';

/** Values tree. */
export type Values = Readonly<Record<string, unknown>>;

/** Render options, named as in Helm. Lists keep the order of the command line. */
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
  /** Omits hooks, including tests. */
  readonly noHooks?: boolean;
  /** Omits tests. */
  readonly skipTests?: boolean;
  readonly limits?: RenderLimits;
}

/** No user values of any kind: only the chart's defaults remain. */
export const NO_VALUES = { values: [], set: [], setString: [], setJson: [], setFile: [], setLiteral: [] } as const;

/** Reports whether the options contain user values of any kind. */
export function hasValues(options: RenderOptions): boolean {
  return (Object.keys(NO_VALUES) as (keyof typeof NO_VALUES)[]).some((form) => (options[form] ?? []).length > 0);
}

/** Limits of one render. */
export interface RenderLimits {
  /** Milliseconds, by default 2 minutes. */
  readonly time?: number;
  /** Bytes of memory, by default 2 GiB. */
  readonly memory?: number;
}

/** Default limit in milliseconds. The slowest known charts take some seconds on an idle machine. */
const RENDER_TIMEOUT = 2 * 60_000;

export interface Render {
  readonly documents: readonly RenderedDocument[];
  /** Coalesced values that the templates received, with subcharts' defaults under their names. */
  readonly values: Values;
}

/** Templates, metadata and image lists: files that determine the images of a chart. */
const SOURCE_FILES = /(?:^|\/)(?:templates\/|(?:Chart\.yaml|requirements\.yaml|Images\.lock)$)/;
/** Files in `crds` folders of the chart and its subcharts, which Helm installs unrendered. */
const CRD_FILES = /^(?:charts\/[^/]+\/)*crds\/.*\.(?:ya?ml|json)$/i;
/** Template added to a copy of the chart, which renders the coalesced values. */
const VALUES_TEMPLATE = 'values: {{ .Values | toJson | quote }}\n';

/** Renders a chart repeatedly; keeps temporary files in `workFolder` (absolute). */
export class Renderer {
  readonly chart: Chart;
  readonly #helm: Helm;
  readonly #workFolder: string;
  readonly #copy: string;
  /** Path of the added template. Random, so that no chart can contain it or fake documents from it. */
  readonly #valuesTemplate = `templates/airgap-coalesced-values-${randomBytes(16).toString('hex')}.yaml`;
  #prepared: Promise<void> | undefined;
  #files: Promise<ChartFiles> | undefined;
  #texts: Promise<ChartFiles> | undefined;
  /** Exceeded limit. A chart that exceeded a limit once is not rendered again. */
  #limitError: AirgapError | undefined;
  #runs = 0;

  constructor(helm: Helm, chart: Chart, workFolder: string) {
    this.chart = chart;
    this.#helm = helm;
    this.#workFolder = workFolder;
    this.#copy = join(workFolder, 'chart.tgz');
  }

  /**
   * Renders the chart without CRDs. Hooks and tests are included by default.
   * @param overrides values applied after the values files of `options`, like a last `-f overrides.yaml`; a string is
   * passed to Helm unchanged
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
    const { exitCode, stdout, stderr, limitExceeded } = await this.#helm.run(
      ['template', ...flags, '--', name, this.#copy],
      {
        scope: widestScope([...(options.values ?? []), ...(options.setFile ?? [])].map(scopeOfValues)),
        timeout: limits?.time ?? RENDER_TIMEOUT,
        ...(limits?.memory === undefined ? {} : { memory: limits.memory }),
      },
    );
    await rm(overridesFile, { force: true });
    if (limitExceeded !== undefined) {
      this.#limitError = this.#limitExceeded(`Helm could not render ${this.#title()}: ${limitExceeded}`);
      throw this.#limitError;
    }
    if (exitCode !== 0) {
      // Helm's message has the path of the copy; users know the chart by its name.
      throw helmError(`render ${this.#title()}`, stderr.replaceAll(this.#copy, this.chart.metadata.name));
    }
    return this.#splitOffValues(splitDocuments(stdout));
  }

  /** Returns templates, metadata and image lists of the chart and its subcharts by path. Reads the archive once. */
  sourceFiles(): Promise<ChartFiles> {
    this.#texts ??= this.#read().then((files) => filterFiles(files, SOURCE_FILES));
    return this.#texts;
  }

  /** Returns the files in `crds` folders of the chart and its subcharts by path. */
  async crds(): Promise<ChartFiles> {
    return filterFiles(await this.#read(), CRD_FILES);
  }

  /**
   * Returns a renderer of the same chart with another archive.
   * @param folder for temporary files (absolute)
   */
  withArchive(archive: string, folder: string): Renderer {
    return new Renderer(this.#helm, { ...this.chart, archive }, folder);
  }

  #read(): Promise<ChartFiles> {
    this.#files ??= readChartFiles(this.chart.archive, {
      test: (path) => SOURCE_FILES.test(path) || CRD_FILES.test(path),
    });
    return this.#files;
  }

  #title(): string {
    const { name, version } = this.chart.metadata;
    return `chart ${name} ${version}`;
  }

  #limitExceeded(message: string): AirgapError {
    return new AirgapError('chart-render', message, {
      hint: 'raise the limits with --render-timeout and --render-memory',
    });
  }

  async #prepare(): Promise<void> {
    await mkdir(this.#workFolder, { recursive: true });
    const { archive, root } = this.chart;
    await writeFile(this.#copy, await archiveWithFile(archive, `${root}/${this.#valuesTemplate}`, VALUES_TEMPLATE));
  }

  #splitOffValues(documents: readonly RenderedDocument[]): Render {
    const isValuesDocument = ({ template }: RenderedDocument): boolean => template.endsWith(`/${this.#valuesTemplate}`);
    const coalesced = documents.find(isValuesDocument)?.object?.values;
    if (typeof coalesced !== 'string') {
      const { name, type } = this.chart.metadata;
      const hint =
        type === 'library' ? 'a library chart cannot be installed; specify the chart that uses it' : undefined;
      throw new AirgapError('chart-render', `chart ${name} did not render its coalesced values`, { hint });
    }
    const values = JSON.parse(coalesced) as Values;
    checkDepth(values, `the values of chart ${this.chart.metadata.name}`);
    return { documents: documents.filter((document) => !isValuesDocument(document)), values };
  }
}

function filterFiles(files: ChartFiles, pattern: RegExp): ChartFiles {
  return new Map([...files].filter(([path]) => pattern.test(path)));
}

/** Returns the scope needed for a values file, which Helm can fetch by URL, or by plugin for other schemes. */
function scopeOfValues(text: string): EnvironmentScope {
  const [, address] = /(?:^|=)([a-z][a-z0-9+.-]*:\/\/.*)$/is.exec(text) ?? [];
  return address === undefined ? 'nothing' : environmentScopeFor(address);
}

/** Returns the flags of `helm template`. */
function renderFlags(options: RenderOptions): string[] {
  return [
    ...valuesFlags(options),
    ...repeatedFlag('--api-versions', options.apiVersions),
    ...(options.isUpgrade ? ['--is-upgrade'] : []),
    ...(options.noHooks ? ['--no-hooks'] : []),
    ...(options.skipTests ? ['--skip-tests'] : []),
  ];
}

/** Returns the flags that commands of Helm share which render a chart with values. */
export function valuesFlags(options: RenderOptions): string[] {
  const { kubeVersion, namespace } = options;
  return [
    ...repeatedFlag('--values', options.values),
    ...repeatedFlag('--set-json', options.setJson),
    ...repeatedFlag('--set', options.set),
    ...repeatedFlag('--set-string', options.setString),
    ...repeatedFlag('--set-file', options.setFile),
    ...repeatedFlag('--set-literal', options.setLiteral),
    ...(kubeVersion ? [`--kube-version=${kubeVersion}`] : []),
    ...(options.skipSchemaValidation ? ['--skip-schema-validation'] : []),
    ...(namespace ? [`--namespace=${checkName('namespace', namespace, 'the release', 'usage')}`] : []),
  ];
}

/** Returns a flag once for each value, after an equals sign so that a leading dash does not make it a flag. */
function repeatedFlag(flag: string, values: readonly string[] = []): string[] {
  return values.map((value) => `${flag}=${value}`);
}
