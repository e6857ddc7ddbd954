import { childPath, type FieldPath, nestedPath } from '../../base/field-path.ts';
import { isListOfMappings, isMapping, type Mapping } from '../../base/mapping.ts';
import type { RenderedDocument } from '../../helm/documents.ts';
import { typeMetaOf } from '../../helm/type-meta.ts';
import { entriesOf } from '../named-value.ts';
import { objectIdentity } from '../object-identity.ts';
import { decodedText, unpack } from '../payload.ts';
import { isIgnoredKind } from '../relevance.ts';
import { ContainerContext } from '../shell/index.ts';
import { FETCHING_PROGRAMS } from './commands.ts';
import { FETCHING_SETTINGS, fetchesOfContainer, fetchesOfValue } from './container.ts';
import type { NetworkKind, NetworkLocation, NetworkMatch, NetworkNeed } from './fetch.ts';
import { jenkinsPlugin } from './installers.ts';
import { fetchesByResource, mayContainSource } from './resources.ts';
import { evidenceText, fetchesOfScript } from './script.ts';

/**
 * Returns what the workloads of a render fetch from outside the cluster at run time, except images: sorted by address,
 * each with all its locations. Excluded are addresses that a workload only talks to (webhooks, APIs), addresses inside
 * the cluster, and links for users.
 */
export function networkNeeds(
  documents: readonly RenderedDocument[],
  context: { readonly chart: string; readonly profile: string },
): NetworkNeed[] {
  const containerContext = new ContainerContext(documents);
  const needs = new Map<string, { url: string; kind: NetworkKind; found: NetworkLocation[] }>();
  for (const document of documents) {
    for (const { url, kind, location } of needsOf(document, containerContext, context)) {
      const need = needs.get(url) ?? { url, kind, found: [] };
      needs.set(url, need);
      need.found.push(location);
    }
  }
  return [...needs.values()].sort((a, b) => (a.url < b.url ? -1 : 1));
}

function needsOf(
  document: RenderedDocument,
  containerContext: ContainerContext,
  context: { readonly chart: string; readonly profile: string },
): { url: string; kind: NetworkKind; location: NetworkLocation }[] {
  const object = isWorthParsing(document) ? document.object : undefined;
  if (object === undefined) return [];
  const search = new NetworkSearch(containerContext);
  search.visitObject(object, { path: '' });
  return search.matches.map(({ url, kind, fieldPath, evidence }) => ({
    url,
    kind,
    location: {
      ...context,
      template: document.template,
      document: document.index,
      ...objectIdentity(object),
      ...fieldPath,
      evidence,
    },
  }));
}

/**
 * Parsing is the main cost, and schemas and dashboards are most of the text. Secrets are always parsed because of their
 * base64, and so are documents of unknown kind such as JSON.
 */
function isWorthParsing(document: RenderedDocument): boolean {
  const kind = typeMetaOf(document)?.kind;
  return !isIgnoredKind(kind) && (kind === undefined || kind === 'Secret' || mayFetch(document.text));
}

/** Reports whether a text has to be parsed. */
function mayFetch(text: string): boolean {
  return FETCHING_PROGRAMS.test(text) || FETCHING_SETTINGS.test(text) || mayContainSource(text) || ARCHIVE.test(text);
}

const ARCHIVE =
  /https?:\/\/[^\s"'<>\\]{1,300}(?:\.(?:t[gbx]z|gz|bz2|xz|zip|jar|whl|rpm|deb|qcow2|iso|img|gguf|wasm)|\/index\.yaml)\b/;
const CONTAINER_LISTS = new Set(['containers', 'initContainers', 'ephemeralContainers', 'steps', 'sidecars']);
/** Fields with a single container, in Argo Workflows. */
const CONTAINERS = new Set(['container', 'script', 'containerTemplate']);
/** Names of files for users or other programs, and of examples: not scripts. */
const NOT_SCRIPTS =
  /\.(?:md|txt|html?|conf|cfg|ini|json|ya?ml|toml|xml|tpl|tmpl|css|js|ts|lua|sql|cue|rst|properties|rules|example|sample|ps1|groovy)$|^(?:NOTES|README|_example)/i;
const SKIPPED = new Set(['annotations', 'labels', 'managedFields', 'openAPIV3Schema', 'description', 'status']);
/** Names of strings in structured text that are run as scripts. */
const SCRIPT_KEYS = /script|command|cmd|entrypoint|\.(?:sh|bash)$|^(?:run|exec|preStart|postStart|init)$/i;

/** Collects everything that the workload, the controller or the configuration of one object fetches. */
class NetworkSearch {
  readonly matches: NetworkMatch[] = [];
  readonly #containerContext: ContainerContext;

  constructor(containerContext: ContainerContext) {
    this.#containerContext = containerContext;
  }

  visitObject(object: Mapping, fieldPath: FieldPath): void {
    const { kind, apiVersion, metadata: _metadata, ...body } = object;
    if (isIgnoredKind(kind)) return;
    this.matches.push(...fetchesByResource(object, fieldPath));
    if (apiVersion === 'v1' && (kind === 'ConfigMap' || kind === 'Secret')) this.#payload(object, kind, fieldPath);
    else for (const entry of entriesOf(body, fieldPath)) this.#entry(entry.key ?? '', entry.value, entry.fieldPath);
  }

  #payload({ data, stringData, binaryData }: Mapping, kind: string, fieldPath: FieldPath): void {
    const encoded = [binaryData, kind === 'Secret' ? data : undefined];
    for (const [key, entries] of Object.entries({ data, stringData, binaryData })) {
      if (!isMapping(entries)) continue;
      const installsJenkinsPlugins = Object.values(entries).some((text) =>
        /jenkins-plugin-cli|install-plugins\.sh/.test(String(text)),
      );
      for (const { key: name = '', value, fieldPath: valuePath } of entriesOf(entries, childPath(fieldPath, key))) {
        const isEncoded = encoded.includes(entries);
        const text = isEncoded ? decodedText(Buffer.from(String(value), 'base64')) : value;
        const textPath = isEncoded ? nestedPath(valuePath, 'base64') : valuePath;
        if (installsJenkinsPlugins && name === 'plugins.txt') this.#jenkinsPlugins(String(text), textPath);
        else if (typeof text === 'string') this.#file(name, text, textPath);
      }
    }
  }

  /** Searches a file in a ConfigMap or Secret: structured text, or a script. */
  #file(name: string, text: string, fieldPath: FieldPath): void {
    if (!mayFetch(`${text}\n`)) return;
    if (/\.(?:sh|bash)$/.test(name) || text.startsWith('#!')) {
      const fetches = fetchesOfScript(text, fieldPath, this.#containerContext.lookupAnywhere);
      // The script of the Grafana chart also downloads dashboards with URLs of their own.
      const isDashboardScript = /dashboard/i.test(name);
      this.matches.push(
        ...fetches.map((match) =>
          isDashboardScript && match.kind === 'download' ? { ...match, kind: 'dashboard' as const } : match,
        ),
      );
      return;
    }
    const payload = unpack(text);
    if (payload.kind === 'trees') {
      for (const { step, value } of payload.trees) this.#entry('', value, nestedPath(fieldPath, step));
    } else if (payload.kind === 'words' && !NOT_SCRIPTS.test(name)) {
      this.matches.push(...fetchesOfScript(text, fieldPath, this.#containerContext.lookupAnywhere));
    }
  }

  #entry(key: string, value: unknown, fieldPath: FieldPath): void {
    if (SKIPPED.has(key)) return;
    if (CONTAINER_LISTS.has(key) && isListOfMappings(value)) {
      for (const [i, container] of value.entries()) this.#container(container, childPath(fieldPath, i));
    } else if (CONTAINERS.has(key) && isMapping(value)) this.#container(value, fieldPath);
    else if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) this.#entry('', item, childPath(fieldPath, i));
    } else if (isMapping(value)) {
      if (typeof value.kind === 'string' && typeof value.apiVersion === 'string') this.visitObject(value, fieldPath);
      else for (const entry of entriesOf(value, fieldPath)) this.#entry(entry.key ?? '', entry.value, entry.fieldPath);
    } else if (typeof value === 'string') this.#text(key, value, fieldPath);
  }

  #container(container: Mapping, fieldPath: FieldPath): void {
    this.matches.push(...fetchesOfContainer(container, fieldPath, this.#containerContext));
  }

  #text(key: string, text: string, fieldPath: FieldPath): void {
    if (SCRIPT_KEYS.test(key) || text.startsWith('#!')) {
      this.matches.push(...fetchesOfScript(text, fieldPath, this.#containerContext.lookupAnywhere));
      return;
    }
    const fetches = fetchesOfValue(text.trim());
    this.matches.push(...fetches.map((fetch) => ({ ...fetch, fieldPath, evidence: evidenceText(`${key}: ${text}`) })));
    // A manifest or configuration file in a field.
    if (text.includes('\n') && mayFetch(text)) {
      const payload = unpack(text);
      if (payload.kind !== 'trees') return;
      for (const { step, value } of payload.trees) this.#entry('', value, nestedPath(fieldPath, step));
    }
  }

  #jenkinsPlugins(text: string, fieldPath: FieldPath): void {
    for (const [i, line] of text.split('\n').entries()) {
      const fetch = jenkinsPlugin(line.trim());
      if (fetch !== undefined)
        this.matches.push({ ...fetch, fieldPath: nestedPath(fieldPath, `line ${i + 1}`), evidence: line.trim() });
    }
  }
}
