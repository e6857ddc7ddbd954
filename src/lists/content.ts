import { AirgapError } from '../base/errors.ts';
import { isName } from '../base/names.ts';
import { quoted } from '../base/printable.ts';
import { redact } from '../base/redact.ts';
import { formatReference, tryParseReference } from '../oci/reference.ts';
import type { ListFormat } from './list-format.ts';

/** Line of a file, from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** Image that a list names. */
export interface ListedImage {
  /** Fully normalized. */
  readonly reference: string;
  /** Platforms for which it is wanted, `os/architecture[/variant]`; none means all. */
  readonly platforms: readonly string[];
  readonly place: Place;
}

/** Chart that a list names, as `airgap.yaml` has it. */
export interface ListedChart {
  /** Name in `repo`, oci:// address, or path relative to the list's folder. */
  readonly chart: string;
  /** True for a path. */
  readonly isPath: boolean;
  readonly repo?: string | undefined;
  readonly version?: string | undefined;
  readonly releaseName?: string | undefined;
  readonly namespace?: string | undefined;
  /** Values files, relative to the list's folder. */
  readonly values: readonly string[];
  readonly place: Place;
}

/** File or folder beside a list. */
export interface ListedPath {
  readonly path: string;
  readonly place: Place;
}

/** Registry whose repositories are to be copied. */
export interface ListedRegistry {
  readonly registry: string;
  /** Paths and patterns; none means all. */
  readonly repositories: readonly string[];
  readonly place: Place;
}

/** Registry to copy to. */
export interface ListedTarget {
  /** `REGISTRY[/PREFIX]`. */
  readonly target: string;
  readonly place: Place;
}

/** Login for a registry, by the names of the variables that hold it. */
export interface ListedLogin {
  readonly registry: string;
  /** Variable with the user of `password`. */
  readonly username?: string;
  readonly password?: string;
  /** Variable with a bearer token. */
  readonly token?: string;
  readonly place: Place;
}

/** Something in a list that has no place in `airgap.yaml`. */
export interface NotTaken {
  /** What it is, and why it is not taken. Has foreign text. */
  readonly what: string;
  readonly place: Place;
}

/** What a list names. */
export interface ListContent {
  readonly format: ListFormat;
  readonly charts: readonly ListedChart[];
  readonly images: readonly ListedImage[];
  /** Plain manifests, files or folders. */
  readonly manifests: readonly ListedPath[];
  /** Kustomizations. */
  readonly kustomize: readonly ListedPath[];
  readonly registries: readonly ListedRegistry[];
  readonly targets: readonly ListedTarget[];
  readonly logins: readonly ListedLogin[];
  readonly notTaken: readonly NotTaken[];
}

/** Values of variables in a list, by name. */
export type Variables = ReadonlyMap<string, string>;

const MAX_PROBLEMS = 500;

const PLATFORM = /^[a-z0-9]{1,20}\/[a-z0-9_]{1,20}(?:\/[a-z0-9]{1,20})?$/;

/** Collects what a list names, and what is wrong with it. Everything is checked when it is added. */
export class ListCollector {
  readonly charts: ListedChart[] = [];
  readonly images: ListedImage[] = [];
  readonly manifests: ListedPath[] = [];
  readonly kustomize: ListedPath[] = [];
  readonly registries: ListedRegistry[] = [];
  readonly targets: ListedTarget[] = [];
  readonly logins: ListedLogin[] = [];
  readonly notTaken: NotTaken[] = [];
  readonly problems: AirgapError[] = [];
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** Adds an image. A `docker://` before the name, as skopeo has it, is dropped. */
  image(text: string, line: number, platforms: readonly string[] = []): void {
    const parsed = tryParseReference(text.startsWith('docker://') ? text.slice('docker://'.length) : text);
    if (parsed === undefined) {
      this.problem(
        line,
        `${quoted(text)} is not an image reference`,
        'write registry/repository:tag, one in each entry',
      );
      return;
    }
    const wrong = platforms.find((platform) => !PLATFORM.test(platform));
    if (wrong !== undefined) {
      this.problem(line, `${quoted(wrong)} is not a platform`, 'write os/architecture, as in linux/amd64');
      return;
    }
    this.images.push({ reference: formatReference(parsed), platforms, place: this.#place(line) });
  }

  /** Adds a chart. @param chart without `place` and `isPath`; `path` in place of `chart` for a folder or archive */
  chart(
    {
      path,
      chart,
      values = [],
      ...others
    }: Partial<Omit<ListedChart, 'place' | 'isPath'>> & { readonly path?: string | undefined },
    line: number,
  ): void {
    const { repo, version, releaseName, namespace } = others;
    const text = path ?? chart ?? '';
    const wrong =
      (path === undefined ? chartProblem(text, repo) : pathProblem(path)) ??
      (version !== undefined && !isVersion(version) ? `${quoted(version)} is not a version` : undefined) ??
      (releaseName !== undefined && !isName('release name', releaseName)
        ? `${quoted(releaseName)} is not a valid release name`
        : undefined) ??
      (namespace !== undefined && !isName('namespace', namespace)
        ? `${quoted(namespace)} is not a valid namespace`
        : undefined) ??
      values.map(pathProblem).find((problem) => problem !== undefined);
    if (wrong !== undefined) {
      this.problem(line, wrong, 'a chart needs a name, a version and a repository (https:// or oci://), or a path');
      return;
    }
    this.charts.push({ ...others, chart: text, isPath: path !== undefined, values, place: this.#place(line) });
  }

  /** Adds plain manifests or a kustomization. */
  source(kind: 'manifests' | 'kustomize', path: string, line: number): void {
    const wrong = pathProblem(path);
    if (wrong === undefined) this[kind].push({ path, place: this.#place(line) });
    else this.problem(line, wrong, 'name a file or folder beside the list');
  }

  /** Adds a registry to copy from. Its caller has checked the names. */
  registry(registry: string, repositories: readonly string[], line: number): void {
    this.registries.push({ registry, repositories, place: this.#place(line) });
  }

  /** Adds a registry to copy to. Its caller has checked the name. */
  target(target: string, line: number): void {
    this.targets.push({ target, place: this.#place(line) });
  }

  login(login: Omit<ListedLogin, 'place'>, line: number): void {
    this.logins.push({ ...login, place: this.#place(line) });
  }

  /** Names something that has no place in `airgap.yaml`. */
  leave(line: number, what: string): void {
    this.notTaken.push({ what: redact(what), place: this.#place(line) });
  }

  /** Adds a problem. Of a file that is no list at all, the first {@link MAX_PROBLEMS} are enough. */
  problem(line: number, reason: string, hint?: string): void {
    if (this.problems.length >= MAX_PROBLEMS) return;
    this.problems.push(new AirgapError('config', reason, { subject: `${this.#file}:${line}`, hint }));
  }

  #place(line: number): Place {
    return { file: this.#file, line };
  }
}

/** Returns true for the address of a chart repository or chart. */
export function isAddress(text: string): boolean {
  return /^(?:https?|oci):\/\//i.test(text);
}

/** A version, or a range of versions as Helm takes it. */
function isVersion(text: string): boolean {
  return text.length <= 128 && /^[0-9vVxX*~^<>=][0-9A-Za-z.+~^<>=*, |-]*$/.test(text);
}

function chartProblem(chart: string, repo: string | undefined): string | undefined {
  const address = repo ?? chart;
  if (!isAddress(address)) {
    return repo === undefined
      ? `${quoted(chart)} is neither a chart with a repository nor an address`
      : `${quoted(repo)} is not the address of a chart repository`;
  }
  const url = URL.canParse(address) ? new URL(address) : undefined;
  // A login would become part of a file that is kept in version control.
  if (url === undefined || url.username !== '' || url.password !== '' || /[\s\p{Cc}\p{Cf}]/u.test(address)) {
    return url?.username || url?.password
      ? 'the address of the chart has a login'
      : `${quoted(address)} is not an address`;
  }
  if (repo !== undefined && !isName('chart name', chart)) return `${quoted(chart)} is not a valid chart name`;
  if (repo === undefined && !/^oci:/i.test(chart)) return `${quoted(chart)} is not the oci:// address of a chart`;
  return undefined;
}

/** Paths become arguments of programs and a part of documents. */
function pathProblem(path: string): string | undefined {
  const isSafe =
    path !== '' && path.length <= 4096 && !path.startsWith('-') && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(path);
  return isSafe ? undefined : `${quoted(path)} is not a usable path`;
}
