import { isName } from '../../base/names.ts';
import { quoted } from '../../base/printable.ts';
import { isAddress, type ListCollector, type Variables } from '../content.ts';
import { type Located, type LocatedMap, lineAt, listAt, mapAt, textAt } from '../located-yaml.ts';
import { chartInRepository } from '../rows.ts';

/** `###ZARF_PKG_TMPL_NAME###`, `###ZARF_CONST_NAME###`, `###ZARF_VAR_NAME###` and `###ZARF_PKG_ARCH###`. */
const TEMPLATE = /###ZARF_(PKG_ARCH|(?:PKG_TMPL|PKG_VAR|CONST|VAR)_[A-Z0-9_]{1,100})###/g;

/** What Zarf carries besides charts, images and manifests. */
const OTHER_CONTENT = ['repos', 'files', 'dataInjections', 'imageArchives'] as const;

export function isZarf(document: Located): boolean {
  return document.kind === 'map' && /^Zarf(?:Package|Init|Component)Config$/.test(textAt(document, 'kind') ?? '');
}

/** Reads the definition of a Zarf package (zarf.yaml), of API version v1alpha1 or v1beta1. */
export function readZarf([document]: readonly Located[], variables: Variables, collector: ListCollector): void {
  if (document?.kind !== 'map') return;
  const metadata = mapAt(document, 'metadata');
  const architecture = metadata && textAt(metadata, 'architecture');
  const known = new Map(architecture === undefined ? [] : [['ARCH', architecture]]);
  for (const [key, field] of [['constants', 'value'] as const, ['variables', 'default'] as const]) {
    for (const entry of listAt(document, key)) {
      const [name, value] = entry.kind === 'map' ? [textAt(entry, 'name'), textAt(entry, field)] : [];
      if (name !== undefined && value !== undefined) known.set(name, value);
    }
  }
  for (const [name, value] of variables) known.set(name, value);
  // A component in a file of its own is the document itself in v1beta1.
  const single = mapAt(document, 'component');
  for (const component of single === undefined ? listAt(document, 'components') : [single]) {
    if (component.kind === 'map') new Component(component, architecture, { known, given: variables }, collector).read();
    else collector.problem(component.line, 'a component is not a mapping');
  }
}

class Component {
  readonly #component: LocatedMap;
  readonly #platforms: readonly string[];
  readonly #known: Variables;
  readonly #given: Variables;
  readonly #collector: ListCollector;

  constructor(
    component: LocatedMap,
    architecture: string | undefined,
    { known, given }: { readonly known: Variables; readonly given: Variables },
    collector: ListCollector,
  ) {
    this.#component = component;
    const cluster = mapAt(component, 'only', 'cluster') ?? mapAt(component, 'target');
    const own = (cluster && textAt(cluster, 'architecture')) ?? architecture;
    // "multi" stands for all of them.
    this.#platforms = own === undefined || !/^[a-z0-9]+$/.test(own) || own === 'multi' ? [] : [`linux/${own}`];
    this.#known = known;
    this.#given = given;
    this.#collector = collector;
  }

  read(): void {
    const component = this.#component;
    const name = textAt(component, 'name') ?? '';
    for (const image of listAt(component, 'images')) {
      const text = image.kind === 'map' ? textAt(image, 'name') : image.kind === 'text' ? image.text : undefined;
      const reference = text === undefined ? undefined : this.#resolve(text, image.line);
      if (reference !== undefined) this.#collector.image(reference, image.line, this.#platforms);
      else if (text === undefined) this.#collector.problem(image.line, 'an image has no name');
    }
    for (const chart of listAt(component, 'charts')) {
      if (chart.kind === 'map') this.#chart(chart);
      else this.#collector.problem(chart.line, 'a chart is not a mapping');
    }
    for (const manifest of listAt(component, 'manifests')) if (manifest.kind === 'map') this.#manifests(manifest);
    if (component.entries.has('import')) {
      const path = textAt(mapAt(component, 'import') ?? component, 'path');
      const hint = path === undefined ? '' : `: give ${quoted(`${path}/zarf.yaml`)} too`;
      this.#collector.leave(lineAt(component, 'import'), `what component ${quoted(name)} imports${hint}`);
    }
    for (const key of OTHER_CONTENT) {
      const count = listAt(component, key).length;
      if (count > 0) this.#collector.leave(lineAt(component, key), `${key} of component ${quoted(name)}`);
    }
  }

  #chart(chart: LocatedMap): void {
    const line = chart.line;
    const text = (map: LocatedMap | undefined, key: string): string | undefined => {
      const written = map && textAt(map, key);
      return written === undefined ? undefined : this.#resolve(written, lineAt(map as LocatedMap, key));
    };
    const name = text(chart, 'name') ?? '';
    const [repository, oci, local, git] = ['helmRepository', 'oci', 'local', 'git'].map((key) => mapAt(chart, key));
    const url = text(chart, 'url') ?? text(repository, 'url') ?? text(oci, 'url');
    const path = text(chart, 'localPath') ?? text(local, 'path');
    const isGit = git !== undefined || chart.entries.has('gitPath') || /\.git(?:@|$)/.test(url ?? '');
    if (isGit) {
      this.#collector.leave(line, `the chart ${quoted(name)} in a git repository: clone it, and name its folder`);
      return;
    }
    const chartName = text(chart, 'repoName') ?? text(repository, 'name') ?? name;
    const ref = mapAt(oci, 'ref');
    const version = text(chart, 'version') ?? text(repository, 'version') ?? text(ref, 'tag');
    const where =
      url === undefined ? { path } : /^oci:/i.test(url) ? { chart: url } : chartInRepository(chartName, url);
    if (url === undefined && path === undefined) {
      // Zarf merges it with the chart of that name.
      if (this.#component.entries.has('import'))
        this.#collector.leave(line, `what is changed of the imported chart ${quoted(name)}`);
      else this.#collector.problem(line, `the chart ${quoted(name)} has neither url nor localPath`);
      return;
    }
    // A local chart has the version of its Chart.yaml.
    const wanted = path === undefined || url !== undefined ? { ...where, version } : where;
    const release = text(chart, 'releaseName') ?? name;
    const named = isName('release name', release) ? { releaseName: release } : {};
    this.#collector.chart(
      { ...wanted, ...named, namespace: text(chart, 'namespace'), values: this.#valuesFiles(chart) },
      line,
    );
    const digest = text(ref, 'digest');
    if (digest !== undefined)
      this.#collector.leave(line, `the digest ${quoted(digest)} of chart ${quoted(name)}: a lock file pins it`);
    for (const key of ['values', 'variables', 'templatedValuesFiles']) {
      if (chart.entries.has(key))
        this.#collector.leave(lineAt(chart, key), `${key} of chart ${quoted(name)}, which a deployment sets`);
    }
  }

  #valuesFiles(chart: LocatedMap): string[] {
    return listAt(chart, 'valuesFiles').flatMap((file) => {
      const text = file.kind === 'map' ? textAt(file, 'path') : file.kind === 'text' ? file.text : undefined;
      const path = text === undefined ? undefined : this.#resolve(text, file.line);
      if (path === undefined || !isAddress(path)) return path ?? [];
      this.#collector.leave(file.line, `the values file ${quoted(path)}: download it, and name the file`);
      return [];
    });
  }

  #manifests(manifest: LocatedMap): void {
    const kustomize = mapAt(manifest, 'kustomize');
    const lists = [
      ['manifests', listAt(manifest, 'files')],
      [
        'kustomize',
        [...listAt(manifest, 'kustomizations'), ...(kustomize === undefined ? [] : listAt(kustomize, 'files'))],
      ],
    ] as const;
    for (const [kind, files] of lists) {
      for (const file of files) {
        const path = file.kind === 'text' ? this.#resolve(file.text, file.line) : undefined;
        if (path === undefined) continue;
        // Kustomize takes git repositories without a scheme too.
        if (isAddress(path) || /^[a-z0-9-]+\.[a-z0-9.-]+\/|^git@|::|\?ref=/.test(path)) {
          this.#collector.leave(file.line, `${quoted(path)}: download it, and name the file or folder`);
        } else this.#collector.source(kind, path, file.line);
      }
    }
  }

  /** Fills in templates. Reports those without a value, and returns undefined. */
  #resolve(text: string, line: number): string | undefined {
    const unknown = new Set<string>();
    const resolved = text.replace(TEMPLATE, (whole, template: string) => {
      const name = template.replace(/^(?:PKG_TMPL|PKG_VAR|CONST|VAR|PKG)_/, '');
      // A constant may have the value of a template of the same name.
      const value = /^PKG_(?:TMPL|VAR)_/.test(template) ? this.#given.get(name) : this.#known.get(name);
      if (value === undefined) unknown.add(name);
      return value ?? whole;
    });
    if (unknown.size === 0) return resolved;
    const flags = [...unknown].map((name) => `--var ${name}=VALUE`).join(' ');
    this.#collector.problem(line, `${quoted(text)} has a template without a value`, `give it with ${flags}`);
    return undefined;
  }
}
