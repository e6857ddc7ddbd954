import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { escapeRegExp } from './escape-reg-exp.ts';

/** Images planted into charts in many shapes, to see that none stays public in silence. */

/** One way in which a chart names an image. `host` is one that no other place has, `number` makes names of objects. */
interface Shape {
  readonly name: string;
  /** Discovery knows it; the others are only prefixes, or encoded in ways that discovery does not read. */
  readonly isKnown: boolean;
  readonly manifest: (host: string, number: number) => string;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const manifest = (kind: string, number: number, body: string, apiVersion = 'v1'): string =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: planted-${number}}\n${body}\n`;
const config = (number: number, text: string): string =>
  manifest('ConfigMap', number, `data:\n  conf: |\n${text.replace(/^/gm, '    ')}`);
const pod = (number: number, container: string): string =>
  manifest('Pod', number, `spec:\n  containers:\n  - ${container}`);

export const SHAPES: readonly Shape[] = [
  { name: 'pod', isKnown: true, manifest: (host, n) => pod(n, `{name: a, image: "${host}/a/app:1.0"}`) },
  {
    name: 'variable',
    isKnown: true,
    manifest: (host, n) =>
      pod(n, `{name: a, image: "${host}/a/app:1.0", env: [{name: RELATED_IMAGE_X, value: "${host}/a/x:2.0"}]}`),
  },
  {
    name: 'argument',
    isKnown: true,
    manifest: (host, n) => pod(n, `{name: a, image: "${host}/a/app:1.0", args: ["--image=${host}/a/y:2.0"]}`),
  },
  {
    name: 'split',
    isKnown: true,
    manifest: (host, n) => config(n, `image:\n  repository: ${host}/a/app\n  tag: "1.0"`),
  },
  {
    name: 'custom resource',
    isKnown: true,
    manifest: (host, n) => manifest('Widget', n, `spec: {image: "${host}/a/app:1.0"}`, 'planted.example/v1'),
  },
  { name: 'script', isKnown: true, manifest: (host, n) => config(n, `#!/bin/sh\ndocker pull ${host}/a/app:1.0`) },
  {
    name: 'secret',
    isKnown: true,
    manifest: (host, n) => manifest('Secret', n, `data: {conf: "${base64(`image: ${host}/a/app:1.0\n`)}"}`),
  },
  {
    name: 'annotation',
    isKnown: true,
    manifest: (host, n) =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: planted-${n}, annotations: {a/images: '["${host}/a/app:1.0"]'}}\n`,
  },
  { name: 'digest', isKnown: true, manifest: (host, n) => config(n, `x ${host}/a/app@sha256:${'a'.repeat(64)} y`) },
  {
    name: 'values',
    isKnown: true,
    manifest: (_, n) => pod(n, `{name: a, image: "{{ .Values.planted${n} }}/a/app:1.0"}`),
  },
  { name: 'prefix', isKnown: false, manifest: (host, n) => config(n, `dbRepoUrl: ${host}/a`) },
  { name: 'registry', isKnown: false, manifest: (host, n) => config(n, `CONTAINER_REGISTRY=${host}`) },
  { name: 'prefix of values', isKnown: false, manifest: (_, n) => config(n, `base: {{ .Values.planted${n} }}/a`) },
  { name: 'bare host', isKnown: false, manifest: (host, n) => config(n, `allowed: [${host}]`) },
  { name: 'pattern', isKnown: false, manifest: (host, n) => config(n, `match: "${host}/a/*"`) },
  { name: 'artifact', isKnown: false, manifest: (host, n) => config(n, `chart: oci://${host}/charts/a`) },
  {
    name: 'JSON in code',
    isKnown: false,
    manifest: (host, n) => config(n, `P = loads("{\\"where\\": \\"${host}/a/app\\"}")`),
  },
  { name: 'escaped', isKnown: false, manifest: (host, n) => config(n, `{"where": "${host}\\/a\\/app:1.0"}`) },
  { name: 'URL', isKnown: false, manifest: (host, n) => config(n, `call("/pull?name=${host}%2Fa%2Fapp%3A1.0")`) },
  { name: 'key', isKnown: false, manifest: (host, n) => config(n, `"${host}/a/app": true`) },
];

/** Host of a planted image, by which all that is said of it is found. */
export function plantedHost(number: number): string {
  return `planted-${number}.azurecr.io`;
}

/** Adds one image of each shape to a chart's folder, numbered from `first`. */
export async function plant(chart: string, first: number): Promise<void> {
  // A schema may refuse further values.
  await rm(join(chart, 'values.schema.json'), { force: true });
  await mkdir(join(chart, 'templates'), { recursive: true });
  const numbers = SHAPES.map((_, i) => first + i);
  const manifests = SHAPES.map((shape, i) => shape.manifest(plantedHost(first + i), first + i));
  await writeFile(join(chart, 'templates/planted.yaml'), manifests.join('---\n'));
  const values = numbers.map((number) => `planted${number}: ${plantedHost(number)}`);
  await appendFile(join(chart, 'values.yaml'), `\n${values.join('\n')}\n`);
}

/** What a run of `values` says of an image. */
export interface SaidOf {
  readonly residue?: readonly { readonly written: string; readonly reference: string }[];
  readonly notKnown?: readonly { readonly name: string }[];
  readonly explained?: readonly { readonly name: string }[];
}

/** Returns the state of a planted image: `silent` if it is still public in the text and nothing is said of it. */
export function stateOf(
  host: string,
  { residue = [], notKnown = [], explained = [] }: SaidOf,
  rendered: string,
  target: string,
): string {
  if (residue.some(({ written, reference }) => written.includes(host) || reference.includes(host))) return 'unmapped';
  if (notKnown.some(({ name }) => name.includes(host))) return 'not-known';
  if (explained.some(({ name }) => name.includes(host))) return 'explained';
  const decoded = rendered.replace(/[A-Za-z0-9+/]{24,}={0,2}/g, (text) => Buffer.from(text, 'base64').toString());
  const isPublic = new RegExp(`(?<!${escapeRegExp(`${target}/`)})${escapeRegExp(host)}`).test(decoded);
  return isPublic ? 'silent' : 'private';
}
