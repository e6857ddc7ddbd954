import { huggingFaceModels } from './commands.ts';
import { grafanaPlugin } from './installers.ts';
import type { Fetch } from './need.ts';
import { cleanUrl, gitUrl, isArchiveUrl, isGitUrl, isRemote } from './url.ts';

/** Names of settings that make a workload fetch something, for a fast check of a text. */
export const FETCHING_SETTINGS =
  /GF_(?:INSTALL_PLUGINS|PLUGINS_PREINSTALL)|GIT_?SYNC_?REPO|git-sync|MODEL|--(?:model|hf-)|\bHF_|\.git\b/;

/** Servers that load a model by its Hugging Face name at startup. */
const MODEL_SERVERS =
  /vllm|sglang|text-generation-inference|text-embeddings-inference|\btgi\b|\btei\b|huggingface|infinity|lmdeploy/i;

/**
 * Returns what a named value (an environment variable or a flag with its dashes) makes the container of an image fetch.
 */
export function fetchesBySetting(name: string, value: string, image: string): Fetch[] {
  const text = value.trim();
  if (/^GF_(?:INSTALL_PLUGINS|PLUGINS_PREINSTALL(?:_SYNC)?)$/.test(name)) return grafanaPlugins(text);
  if (/^(?:GIT_?SYNC_REPO|-{1,2}repo)$/.test(name) && (name.startsWith('G') || image.includes('git-sync'))) {
    const url = gitUrl(text);
    return isRemote(url) ? [{ url: cleanUrl(url), kind: 'git' }] : [];
  }
  if (/^(?:--model-id|--hf-repo|HF_(?:MODEL|MODEL_ID|MODEL_NAME|REPO|REPO_ID))$/.test(name))
    return huggingFaceModels([text]);
  if (/^(?:--model|--model-path|MODEL|MODEL_ID|MODEL_NAME)$/.test(name) && MODEL_SERVERS.test(image))
    return huggingFaceModels([text]);
  return fetchesOfValue(text);
}

/** Returns what a URL is fetched for, if its form alone says so. */
export function fetchesOfValue(text: string): Fetch[] {
  if (isGitUrl(text)) return [{ url: cleanUrl(gitUrl(text)), kind: 'git' }];
  return isArchiveUrl(text) ? [{ url: cleanUrl(text), kind: 'download' }] : [];
}

/**
 * Parses `id version`, `id@version`, `id@version@url` and `url;id`, separated by commas
 * (grafana.com/docs/grafana/latest/setup-grafana/configure-docker, …/configure-grafana#preinstall).
 */
function grafanaPlugins(list: string): Fetch[] {
  return list
    .split(/[,\n]/)
    .map((item) => item.trim())
    .flatMap((item): Fetch[] => {
      const url = /https?:\/\/[^\s;,]+/.exec(item)?.[0];
      if (url !== undefined) return isRemote(url) ? [{ url: cleanUrl(url), kind: 'plugin' }] : [];
      const [, id, version] = /^([A-Za-z][\w-]+)(?:[\s@]+([\w.+-]+))?@?$/.exec(item) ?? [];
      return id === undefined ? [] : [grafanaPlugin(id, version)];
    });
}
