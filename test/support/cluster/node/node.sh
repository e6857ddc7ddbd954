#!/bin/bash
# Process 1 of the cluster's namespaces (cluster.ts starts it): mounts, then every program of the node. It changes nothing of
# the machine's own file system. Variables: folder, name, here, node, services, kubernetes and javascript (programs).
set -uo pipefail
export AIRGAP_CLUSTER=$folder AIRGAP_NODE=$node
pki=$folder/pki
for hierarchy in /sys/fs/cgroup/*/; do
  [ -d "$hierarchy$name/system" ] && echo 1 > "$hierarchy$name/system/cgroup.procs"
done
hostname inside
mount --make-rprivate /
mount --make-rshared /

mount -t tmpfs tmpfs /run
mkdir -p /run/containerd /run/lock /run/netns
# Overlays, so that nothing is written to the machine's own folders.
for path in etc var/lib var/log; do
  upper=$folder/state/overlay/${path//\//-}
  mkdir -p "$upper" "$upper.work"
  mount -t overlay overlay -o "lowerdir=/$path,upperdir=$upper,workdir=$upper.work" "/$path"
done
# Mounts of its own below the overlays: containerd cannot put an overlay upon an overlay, and the kubelet shares its mounts.
for service in kubelet containerd cni; do
  mkdir -p "$folder/state/$service" "/var/lib/$service"
  mount --bind "$folder/state/$service" "/var/lib/$service"
  mount --make-rshared "/var/lib/$service"
done
# Volumes of the controller manager's host-path provisioner, which knows no other folder.
mkdir -p "$folder/state/volumes" /tmp/hostpath_pv
mount --bind "$folder/state/volumes" /tmp/hostpath_pv
# The kubelet sets these for the whole machine: it gets files that look like them.
for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
  mkdir -p "$folder/state/sysctl/${setting%/*}"
  cat "/proc/sys/$setting" > "$folder/state/sysctl/$setting"
  mount --bind "$folder/state/sysctl/$setting" "/proc/sys/$setting"
done
printf '127.0.0.1 localhost\n%s inside\n' "$node" > /etc/hosts
printf 'nameserver %s\noptions timeout:1 attempts:1\n' "$node" > /etc/resolv.conf
mkdir -p /etc/cni/net.d /etc/containerd /var/log/pods
cp "$folder/config/10-bridge.conflist" /etc/cni/net.d/
cp -r "$folder/config/certs.d" /etc/containerd/
cp "$folder/config/docker-config.json" /var/lib/kubelet/config.json

run() {
  local log=$1
  shift
  "$@" > "$folder/log/$log.log" 2>&1 &
}


run dns "$javascript" "$here/dns.mjs" "$node" "$folder"
run registry docker-registry serve "$folder/config/registry.json"
run etcd etcd --data-dir "$folder/state/etcd" --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
  --listen-peer-urls http://127.0.0.1:2380 --unsafe-no-fsync --log-level warn
# After a 404 from the host of hosts.toml, containerd 1.6 asks the server itself, without that host's CA: the event would say
# "certificate signed by unknown authority" instead of "not found". So it trusts the CA as a whole.
run containerd env SSL_CERT_FILE="$pki/registry-ca.crt" SSL_CERT_DIR=/nonexistent containerd --config "$folder/config/containerd.toml"
# AlwaysPullImages: otherwise the second Pod of an image pulls nothing, and proves nothing.
run kube-apiserver "$kubernetes" kube-apiserver --etcd-servers=http://127.0.0.1:2379 --advertise-address="$node" --bind-address=0.0.0.0 \
  --client-ca-file="$pki/ca.crt" --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
  --kubelet-client-certificate="$pki/admin.crt" --kubelet-client-key="$pki/admin.key" --kubelet-preferred-address-types=InternalIP \
  --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$pki/sa.pub" --service-account-signing-key-file="$pki/sa.key" \
  --requestheader-client-ca-file="$pki/front.crt" --requestheader-allowed-names=front-proxy-client \
  --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group --requestheader-extra-headers-prefix=X-Remote-Extra- \
  --proxy-client-cert-file="$pki/front-client.crt" --proxy-client-key-file="$pki/front-client.key" \
  --service-cluster-ip-range="$services" --authorization-mode=RBAC --allow-privileged=true --profiling=false \
  --enable-admission-plugins=AlwaysPullImages --feature-gates=MutatingAdmissionPolicy=true --runtime-config=admissionregistration.k8s.io/v1beta1=true
for _ in $(seq 1 600); do
  curl -sk --cert "$pki/admin.crt" --key "$pki/admin.key" "https://$node:6443/readyz" 2> /dev/null | grep -q '^ok' && break
  sleep 0.1
done
run kube-controller-manager "$kubernetes" kube-controller-manager --kubeconfig="$folder/admin.conf" --leader-elect=false \
  --enable-hostpath-provisioner=true --use-service-account-credentials=true --service-account-private-key-file="$pki/sa.key" \
  --root-ca-file="$pki/ca.crt" --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key" --bind-address=127.0.0.1
run kube-scheduler "$kubernetes" kube-scheduler --kubeconfig="$folder/admin.conf" --leader-elect=false --bind-address=127.0.0.1
run kube-proxy "$kubernetes" kube-proxy --config="$folder/config/kube-proxy.json"
for _ in $(seq 1 100); do
  [ -S /run/containerd/containerd.sock ] && break
  sleep 0.1
done
ctr -n k8s.io images import "$folder/config/pause.tar"
run kubelet "$kubernetes" kubelet --config="$folder/config/kubelet.json" --kubeconfig="$folder/admin.conf" --hostname-override=inside --node-ip="$node" \
  --image-credential-provider-config="$folder/config/credential-providers.json" --image-credential-provider-bin-dir="$folder/credential-providers"
trap 'exit 0' TERM
while :; do
  sleep 3600 &
  wait $!
done
