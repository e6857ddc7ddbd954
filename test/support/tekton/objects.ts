import { parseAllDocuments } from 'yaml';
import { pageBlocks } from '../page.ts';

/** Objects of `tekton.dev/v1`, as far as the pages use them: https://tekton.dev/docs/pipelines/pipeline-api/ */

interface Named {
  readonly name: string;
}

export interface Value extends Named {
  readonly value: string;
}

export interface Param extends Named {
  readonly default?: string;
}

export interface WorkspaceDeclaration extends Named {
  readonly optional?: boolean;
  readonly readOnly?: boolean;
}

interface Step extends Named {
  readonly image?: string;
  readonly script?: string;
  readonly env?: readonly Value[];
  readonly [field: string]: unknown;
}

export interface TaskSpec {
  readonly params?: readonly Param[];
  readonly workspaces?: readonly WorkspaceDeclaration[];
  readonly results?: readonly Named[];
  readonly stepTemplate?: Partial<Step>;
  readonly steps: readonly Step[];
}

export interface PipelineTask extends Named {
  readonly taskRef: Named;
  readonly runAfter?: readonly string[];
  readonly params?: readonly Value[];
  readonly workspaces?: readonly (Named & { readonly workspace?: string; readonly subPath?: string })[];
}

export interface PipelineSpec {
  readonly params?: readonly Param[];
  readonly workspaces?: readonly WorkspaceDeclaration[];
  readonly tasks: readonly PipelineTask[];
}

export interface PipelineRunSpec {
  readonly pipelineRef: Named;
  readonly params?: readonly Value[];
  readonly workspaces?: readonly (Named & Readonly<Record<string, unknown>>)[];
}

interface Specs {
  readonly Task: TaskSpec;
  readonly Pipeline: PipelineSpec;
  readonly PipelineRun: PipelineRunSpec;
}

interface OfKind<Kind extends keyof Specs> {
  readonly apiVersion: string;
  readonly kind: Kind;
  readonly metadata: { readonly name?: string; readonly generateName?: string };
  readonly spec: Specs[Kind];
}

export type TektonObject = { [Kind in keyof Specs]: OfKind<Kind> }[keyof Specs];

/** Returns the objects of Tekton in the files that a page writes. */
export function tektonObjects(page: string): TektonObject[] {
  return pageBlocks(page)
    .filter(({ language, mark }) => language === 'yaml' && mark.startsWith('file='))
    .flatMap(({ text }) => parseAllDocuments(text).map((document) => document.toJS() as TektonObject))
    .filter(({ apiVersion }) => apiVersion === 'tekton.dev/v1');
}

/** Specs of the objects of one kind by name. */
export function specsOf<Kind extends keyof Specs>(
  objects: readonly TektonObject[],
  kind: Kind,
): Map<string, Specs[Kind]> {
  const specs = new Map<string, Specs[Kind]>();
  for (const object of objects) {
    const { name, generateName = '' } = object.metadata;
    if (isOfKind(object, kind)) specs.set(name ?? generateName, object.spec);
  }
  return specs;
}

function isOfKind<Kind extends keyof Specs>(object: OfKind<keyof Specs>, kind: Kind): object is OfKind<Kind> {
  return object.kind === kind;
}

/** Variable of Tekton, such as `$(params.image)`. Other `$(…)` in a script are the shell's. */
const VARIABLE = /\$\(((?:params|workspaces|results|tasks|context|steps|finally)\.[\w.-]+)\)/g;

/** Replaces the variables of Tekton in a text. @param lookUp undefined for a variable that has no value here */
export function substitute(text: string, lookUp: (variable: string) => string | undefined): string {
  return text.replaceAll(VARIABLE, (whole, variable: string) => lookUp(variable) ?? whole);
}

/** Returns the variables of Tekton in all texts of a value. */
export function variablesIn(value: unknown): string[] {
  const text = typeof value === 'string' ? value : undefined;
  if (text !== undefined) return [...text.matchAll(VARIABLE)].map(([, variable = '']) => variable);
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(variablesIn) : [];
}
