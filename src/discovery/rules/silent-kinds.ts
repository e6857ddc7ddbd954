/** API groups of Kubernetes itself. Their fields are known, so only the strings of pod specs are candidates. */
const BUILT_IN =
  /^(?:v1|(?:apps|batch|autoscaling|policy|extensions)\/.*|(?:(?:admissionregistration|apiextensions|apiregistration|authentication|authorization|certificates|coordination|discovery|events|flowcontrol\.apiserver|internal\.apiserver|networking|node|rbac\.authorization|resource|scheduling|storage|storagemigration)\.k8s\.io)\/.*)$/;

/** Reports whether an API version is of Kubernetes itself. */
export function isBuiltInApi(apiVersion: string): boolean {
  return BUILT_IN.test(apiVersion);
}

/** Why no controller starts a container for a resource. */
type Reason =
  | 'a rule for traffic'
  | 'a rule for monitoring'
  | 'a policy'
  | 'a certificate'
  | 'a secret'
  | 'a setting of scaling'
  | 'a source or setting of a tool that fetches charts'
  | 'a snapshot or volume'
  | 'a setting of the cluster';

/** Kinds by group that lead to no container; `*` for all of a group, except those with a minus. */
const SILENT: Readonly<Record<string, readonly [Reason, string]>> = {
  'monitoring.coreos.com': ['a rule for monitoring', '* -Prometheus -PrometheusAgent -Alertmanager -ThanosRuler'],
  'operator.victoriametrics.com': ['a rule for monitoring', 'VMRule VMServiceScrape VMPodScrape VMProbe VMNodeScrape'],
  'grafana.integreatly.org': ['a rule for monitoring', '* -Grafana'],
  'monitoring.grafana.com': ['a rule for monitoring', 'PodLogs'],
  'cert-manager.io': ['a certificate', '*'],
  'acme.cert-manager.io': ['a certificate', '*'],
  'networking.gke.io': ['a rule for traffic', '*'],
  'cloud.google.com': ['a rule for traffic', '*'],
  'gateway.networking.k8s.io': ['a rule for traffic', '* -Gateway'],
  'gateway.networking.x-k8s.io': ['a rule for traffic', '*'],
  'networking.istio.io': ['a rule for traffic', '*'],
  'security.istio.io': ['a policy', '*'],
  'telemetry.istio.io': ['a rule for monitoring', '*'],
  'policy.linkerd.io': ['a policy', '*'],
  'linkerd.io': ['a rule for traffic', '*'],
  'traefik.io': ['a rule for traffic', '*'],
  'traefik.containo.us': ['a rule for traffic', '*'],
  'projectcontour.io': ['a rule for traffic', 'HTTPProxy TLSCertificateDelegation ExtensionService'],
  'configuration.konghq.com': ['a rule for traffic', '*'],
  'getambassador.io': ['a rule for traffic', '*'],
  'elbv2.k8s.aws': ['a rule for traffic', '*'],
  'externaldns.k8s.io': ['a rule for traffic', '*'],
  'route.openshift.io': ['a rule for traffic', '*'],
  'crd.projectcalico.org': ['a policy', '*'],
  'projectcalico.org': ['a policy', '*'],
  'cilium.io': ['a policy', '*'],
  'policy.networking.k8s.io': ['a policy', '*'],
  'kyverno.io': ['a policy', '*'],
  'templates.gatekeeper.sh': ['a policy', '*'],
  'constraints.gatekeeper.sh': ['a policy', '*'],
  'config.gatekeeper.sh': ['a policy', '*'],
  'mutations.gatekeeper.sh': ['a policy', '*'],
  'security.openshift.io': ['a policy', '*'],
  'external-secrets.io': ['a secret', '*'],
  'generators.external-secrets.io': ['a secret', '*'],
  'secrets.hashicorp.com': ['a secret', '*'],
  'bitnami.com': ['a secret', 'SealedSecret'],
  'secrets-store.csi.x-k8s.io': ['a secret', '*'],
  'trust.cert-manager.io': ['a certificate', '*'],
  'keda.sh': ['a setting of scaling', '* -ScaledJob'],
  'http.keda.sh': ['a setting of scaling', '*'],
  'autoscaling.k8s.io': ['a setting of scaling', '*'],
  'karpenter.sh': ['a setting of scaling', '*'],
  'karpenter.k8s.aws': ['a setting of scaling', '*'],
  'snapshot.storage.k8s.io': ['a snapshot or volume', '*'],
  'groupsnapshot.storage.k8s.io': ['a snapshot or volume', '*'],
  'source.toolkit.fluxcd.io': ['a source or setting of a tool that fetches charts', '*'],
  'notification.toolkit.fluxcd.io': ['a source or setting of a tool that fetches charts', '*'],
  'argoproj.io': [
    'a source or setting of a tool that fetches charts',
    'AppProject AnalysisTemplate ClusterAnalysisTemplate',
  ],
  'console.openshift.io': ['a setting of the cluster', '*'],
  'config.openshift.io': ['a setting of the cluster', '*'],
  'quota.openshift.io': ['a setting of the cluster', '*'],
  'vpcresources.k8s.aws': ['a setting of the cluster', '*'],
  'metrics.k8s.io': ['a setting of the cluster', '*'],
};

/** Reports whether resources of a kind are known to lead to no container. */
export function startsNothing(group: string, kind: string): boolean {
  const kinds = SILENT[group]?.[1].split(' ') ?? [];
  return kinds.includes(kind) || (kinds.includes('*') && !kinds.includes(`-${kind}`));
}
