import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { programPath } from '../build.ts';
import type { ImageContent } from './outside.ts';

/** Contents of the images of prometheus-operator; undefined if its programs could not be built. */
export function prometheusOperator(): Readonly<Record<string, ImageContent>> | undefined {
  const [operator, reloader] = [programPath('prometheus-operator'), programPath('prometheus-config-reloader')];
  if (operator === undefined || reloader === undefined) return undefined;
  return {
    'quay.io/prometheus-operator/prometheus-operator': content('/bin/operator', operator),
    'quay.io/prometheus-operator/prometheus-config-reloader': content('/bin/prometheus-config-reloader', reloader),
  };
}

/** An operator whose Go module has its chart. */
export interface OperatorWithChart {
  readonly contents: Readonly<Record<string, ImageContent>>;
  /** Folder of the chart. */
  readonly chart: string;
}

/** The redis-operator; undefined if its program could not be built. */
export function redisOperator(): OperatorWithChart | undefined {
  const program = programPath('redis-operator');
  if (program === undefined) return undefined;
  const cwd = join(import.meta.dirname, '../programs/redis-operator');
  const module = execFileSync('go', ['mod', 'download', '-json', 'github.com/spotahome/redis-operator'], { cwd });
  const { Dir } = JSON.parse(module.toString()) as { Dir: string };
  return {
    contents: { 'quay.io/spotahome/redis-operator': content('/usr/local/bin/redis-operator', program) },
    chart: join(Dir, 'charts/redisoperator'),
  };
}

function content(path: string, program: string): ImageContent {
  return { files: { [path]: program }, config: { Entrypoint: [path], User: '65532' } };
}
