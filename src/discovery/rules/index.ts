import argoWorkflows from './argo-workflows.json' with { type: 'json' };
import cephCsi from './ceph-csi.json' with { type: 'json' };
import certManager from './cert-manager.json' with { type: 'json' };
import cloudnativePg from './cloudnative-pg.json' with { type: 'json' };
import eck from './eck.json' with { type: 'json' };
import gpuOperator from './gpu-operator.json' with { type: 'json' };
import istio from './istio.json' with { type: 'json' };
import knative from './knative.json' with { type: 'json' };
import minio from './minio.json' with { type: 'json' };
import opensearch from './opensearch.json' with { type: 'json' };
import opentelemetry from './opentelemetry.json' with { type: 'json' };
import prometheus from './prometheus.json' with { type: 'json' };
import rook from './rook.json' with { type: 'json' };
import type { Rule } from './schema.ts';
import strimzi from './strimzi.json' with { type: 'json' };
import tigera from './tigera.json' with { type: 'json' };
import velero from './velero.json' with { type: 'json' };
import victoriaMetrics from './victoria-metrics.json' with { type: 'json' };

export { applyRules, isFromRule, operatorsFor, type RuleInput } from './apply.ts';
export { notKnownOperators } from './not-known.ts';
export { type OperatorContainer, operatorContainers } from './operators.ts';
export { parseRules, type Rule } from './schema.ts';
export { releaseOf } from './template.ts';

/**
 * The built-in rules, ordered by file name. The unit test of this folder validates them against the schema, so that a
 * run need not.
 */
export const builtInRules: readonly Rule[] = [
  argoWorkflows,
  cephCsi,
  certManager,
  cloudnativePg,
  eck,
  gpuOperator,
  istio,
  knative,
  minio,
  opensearch,
  opentelemetry,
  prometheus,
  rook,
  strimzi,
  tigera,
  velero,
  victoriaMetrics,
] as readonly Rule[];
