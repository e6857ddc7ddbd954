import { join } from 'node:path';
import { CrdSchemas } from '../crd-schemas.ts';
import { moduleFolder } from '../go.ts';

/** Folder of the module that fixtures/programs/tekton pins, or why it is not here. Nothing is compiled. */
export function tektonModule(): { readonly folder: string } | { readonly missing: string } {
  return moduleFolder('tekton', 'github.com/tektoncd/pipeline');
}

/** Returns the schemas of Tekton's custom resource definitions. @param folder of the module */
export function tektonSchemas(folder: string): CrdSchemas {
  const definition = (kind: string) => ({ file: join(folder, `config/300-crds/300-${kind}.yaml`), version: 'v1' });
  return new CrdSchemas({
    Task: definition('task'),
    Pipeline: definition('pipeline'),
    PipelineRun: definition('pipelinerun'),
  });
}
