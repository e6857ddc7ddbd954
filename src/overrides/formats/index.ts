import { isImageMap } from './image-map.ts';

export { formatArgoApplication } from './argocd.ts';
export { formatContainerd } from './containerd.ts';
export { formatCrio } from './crio.ts';
export { formatFlux } from './flux.ts';
export { type GeneratedFile, type GeneratedFiles, imagesTitle } from './format.ts';
export { type HostManifest, parseDocuments, withHead, withoutHead } from './host-manifest.ts';
export { formatImageMap } from './image-map.ts';
export type { PolicyImage, PolicySigners } from './image-policy.ts';
export { formatK3s } from './k3s.ts';
export { formatKustomize } from './kustomize.ts';
export { formatKyverno } from './kyverno.ts';
export { formatMirrorSet } from './mirrorset.ts';
export { formatPolicyController } from './policy-controller.ts';
export { formatTalos } from './talos.ts';

/** First line of the generated files, except maps of references. */
const FIRST_LINE = /^# (?:Images of |\S+\/hosts\.toml: images of )/;

/** Reports whether a text is a file that one of the formats generates from references; such a file may be overwritten. */
export function isGeneratedFile(text: string): boolean {
  return FIRST_LINE.test(text) || isImageMap(text);
}
