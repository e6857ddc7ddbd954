import { entriesOf, isListOfMappings, isMapping, type Mapping } from '../entry.ts';
import { decodedText, unpack } from '../payload.ts';
import { isSilent } from '../relevance.ts';
import { childOf, inside, type Spot } from '../spot.ts';
import { MAY_FETCH } from './commands.ts';
import { fetchesOfContainer } from './container.ts';
import { jenkinsPlugin } from './installers.ts';
import type { NetworkHit } from './need.ts';
import { fetchesByResource, mayHoldSource } from './resources.ts';
import { evidenceOf, fetchesOfScript } from './script.ts';
import { fetchesOfValue, MAY_SET } from './settings.ts';
import type { Surroundings } from './surroundings.ts';

/** Tests whether a text has to be parsed. */
export function mayFetch(text: string): boolean {
  return MAY_FETCH.test(text) || MAY_SET.test(text) || mayHoldSource(text) || ARCHIVE.test(text);
}

const ARCHIVE =
  /https?:\/\/[^\s"'<>\\]{1,300}(?:\.(?:t[gbx]z|gz|bz2|xz|zip|jar|whl|rpm|deb|qcow2|iso|img|gguf|wasm)|\/index\.yaml)\b/;
const CONTAINER_LISTS = new Set(['containers', 'initContainers', 'ephemeralContainers', 'steps', 'sidecars']);
/** Fields with a single container, in Argo Workflows. */
const CONTAINERS = new Set(['container', 'script', 'containerTemplate']);
/** Names of files for users or other programs, and of examples: not scripts. */
const NO_SCRIPT =
  /\.(?:md|txt|html?|conf|cfg|ini|json|ya?ml|toml|xml|tpl|tmpl|css|js|ts|lua|sql|cue|rst|properties|rules|example|sample|ps1|groovy)$|^(?:NOTES|README|_example)/i;
const SKIPPED = new Set(['annotations', 'labels', 'managedFields', 'openAPIV3Schema', 'description', 'status']);
/** Names of strings in structured text that are run as scripts. */
const RUN = /script|command|cmd|entrypoint|\.(?:sh|bash)$|^(?:run|exec|preStart|postStart|init)$/i;

/** Collects everything that the workload, the controller or the configuration of one object fetches. */
export class NetworkSearch {
  readonly hits: NetworkHit[] = [];
  readonly #containerContext: Surroundings;

  constructor(surroundings: Surroundings) {
    this.#containerContext = surroundings;
  }

  visitObject(object: Mapping, spot: Spot): void {
    const { kind, apiVersion, metadata: _people, ...rest } = object;
    if (isSilent(kind)) return;
    this.hits.push(...fetchesByResource(object, spot));
    if (apiVersion === 'v1' && (kind === 'ConfigMap' || kind === 'Secret')) this.#payload(object, kind, spot);
    else for (const entry of entriesOf(rest, spot)) this.#entry(entry.key ?? '', entry.value, entry.spot);
  }

  #payload({ data, stringData, binaryData }: Mapping, kind: string, spot: Spot): void {
    const encoded = [binaryData, kind === 'Secret' ? data : undefined];
    for (const [key, holder] of Object.entries({ data, stringData, binaryData })) {
      if (!isMapping(holder)) continue;
      const jenkins = Object.values(holder).some((text) => /jenkins-plugin-cli|install-plugins\.sh/.test(String(text)));
      for (const { key: name = '', value, spot: at } of entriesOf(holder, childOf(spot, key))) {
        const hidden = encoded.includes(holder);
        const text = hidden ? decodedText(Buffer.from(String(value), 'base64')) : value;
        const where = hidden ? inside(at, 'base64') : at;
        if (jenkins && name === 'plugins.txt') this.#jenkinsPlugins(String(text), where);
        else if (typeof text === 'string') this.#file(name, text, where);
      }
    }
  }

  /** Searches a file in a ConfigMap or Secret: structured text, or a script. */
  #file(name: string, text: string, spot: Spot): void {
    if (!mayFetch(`${text}\n`)) return;
    if (/\.(?:sh|bash)$/.test(name) || text.startsWith('#!')) {
      const fetches = fetchesOfScript(text, spot, this.#containerContext.anywhere);
      // The script of the Grafana chart also downloads dashboards with URLs of their own.
      const isDashboards = /dashboard/i.test(name);
      this.hits.push(
        ...fetches.map((hit) =>
          isDashboards && hit.kind === 'download' ? { ...hit, kind: 'dashboard' as const } : hit,
        ),
      );
      return;
    }
    const payload = unpack(text);
    if (payload.kind === 'trees') {
      for (const { step, value } of payload.trees) this.#entry('', value, inside(spot, step));
    } else if (payload.kind === 'words' && !NO_SCRIPT.test(name)) {
      this.hits.push(...fetchesOfScript(text, spot, this.#containerContext.anywhere));
    }
  }

  #entry(key: string, value: unknown, spot: Spot): void {
    if (SKIPPED.has(key)) return;
    if (CONTAINER_LISTS.has(key) && isListOfMappings(value)) {
      for (const [i, container] of value.entries()) this.#container(container, childOf(spot, i));
    } else if (CONTAINERS.has(key) && isMapping(value)) this.#container(value, spot);
    else if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) this.#entry('', item, childOf(spot, i));
    } else if (isMapping(value)) {
      if (typeof value.kind === 'string' && typeof value.apiVersion === 'string') this.visitObject(value, spot);
      else for (const entry of entriesOf(value, spot)) this.#entry(entry.key ?? '', entry.value, entry.spot);
    } else if (typeof value === 'string') this.#text(key, value, spot);
  }

  #container(container: Mapping, spot: Spot): void {
    this.hits.push(...fetchesOfContainer(container, spot, this.#containerContext));
  }

  #text(key: string, text: string, spot: Spot): void {
    if (RUN.test(key) || text.startsWith('#!')) {
      this.hits.push(...fetchesOfScript(text, spot, this.#containerContext.anywhere));
      return;
    }
    const fetches = fetchesOfValue(text.trim());
    this.hits.push(...fetches.map((fetch) => ({ ...fetch, spot, evidence: evidenceOf(`${key}: ${text}`) })));
    // A manifest or configuration file in a field.
    if (text.includes('\n') && mayFetch(text)) {
      const payload = unpack(text);
      if (payload.kind !== 'trees') return;
      for (const { step, value } of payload.trees) this.#entry('', value, inside(spot, step));
    }
  }

  #jenkinsPlugins(text: string, spot: Spot): void {
    for (const [i, line] of text.split('\n').entries()) {
      const fetch = jenkinsPlugin(line.trim());
      if (fetch !== undefined) this.hits.push({ ...fetch, spot: inside(spot, `line ${i + 1}`), evidence: line.trim() });
    }
  }
}
