/** Sources of several quirks. */
export const GGCR = 'https://github.com/google/go-containerregistry';
export const CONTAINERD = 'https://github.com/containerd/containerd';
export const TOKENS = 'https://distribution.github.io/distribution/spec/auth/token/';
/** Proxy variables as Go reads them. */
export const GO_PROXY = 'https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config';
export const DISTRIBUTION = 'https://github.com/opencontainers/distribution-spec/blob/main/spec.md';
