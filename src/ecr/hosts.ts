/** What the name of a private ECR registry says. */
export interface EcrHost {
  /** The host itself, lower case. */
  readonly host: string;
  /** Twelve digits; undefined for a host that does not say it, and then the caller's own is meant. */
  readonly account: string | undefined;
  readonly region: string;
  readonly fips: boolean;
  /** IPv4 and IPv6. */
  readonly dualStack: boolean;
}

/** A host that is no AWS name and serves ECR all the same: a proxy, a VPC endpoint's own name, a stand-in. */
export interface EcrHostDeclaration {
  readonly host: string;
  readonly region: string;
  readonly account?: string;
}

/**
 * DNS suffixes of ECR's registries by partition, from the SDK's partition table. The partitions do not overlap, so a
 * region needs no check against its suffix.
 */
const SUFFIXES: readonly string[] = [
  'amazonaws.com', // aws, aws-us-gov
  'amazonaws.com.cn', // aws-cn
  'amazonaws.eu', // aws-eusc
  'c2s.ic.gov', // aws-iso
  'sc2s.sgov.gov', // aws-iso-b
  'cloud.adc-e.uk', // aws-iso-e
  'csp.hci.ic.gov', // aws-iso-f
];

/** Suffixes of the dual-stack names. */
const DUAL_STACK_SUFFIXES: readonly string[] = [
  'on.aws', // aws, aws-us-gov
  'on.amazonwebservices.com.cn', // aws-cn
  'on.amazonwebservices.eu', // aws-eusc
];

const REGION = String.raw`(?<region>[a-z]{2,}(?:-[a-z]+)+-\d+)`;
const ACCOUNT_REGION = String.raw`(?<account>\d{12})\.dkr{dot}ecr(?<fips>-fips)?\.${REGION}`;
const CLASSIC = pattern('.', SUFFIXES);
const DUAL_STACK = pattern('-', DUAL_STACK_SUFFIXES);
/** An interface endpoint of a VPC by its own name, which says no account: `vpce-….dkr.ecr.REGION.vpce.SUFFIX`. */
const ENDPOINT = new RegExp(
  String.raw`^vpce-[\da-z-]+\.dkr\.ecr(?<fips>-fips)?\.${REGION}\.vpce\.(?:${alternatives(SUFFIXES)})$`,
);

/** ECR's public registry, one host for the whole world. */
export const ECR_PUBLIC_HOST = 'public.ecr.aws';

/** Reads the name of a private ECR registry of any partition; undefined when it is none. */
export function parseEcrHost(host: string): EcrHost | undefined {
  const lower = host.toLowerCase();
  const dualStack = DUAL_STACK.exec(lower);
  const { account, region, fips } = (dualStack ?? CLASSIC.exec(lower) ?? ENDPOINT.exec(lower))?.groups ?? {};
  if (region === undefined) return undefined;
  return { host: lower, account, region, fips: fips !== undefined, dualStack: dualStack !== null };
}

/** The same for hosts that were declared as well; a declaration wins. */
export function ecrHost(host: string, declared: readonly EcrHostDeclaration[] = []): EcrHost | undefined {
  const lower = host.toLowerCase();
  const found = declared.find((declaration) => declaration.host.toLowerCase() === lower);
  if (found === undefined) return parseEcrHost(lower);
  const { account, region } = found;
  return { host: lower, account, region, fips: false, dualStack: false };
}

function pattern(dot: '.' | '-', suffixes: readonly string[]): RegExp {
  return new RegExp(`^${ACCOUNT_REGION.replace('{dot}', `\\${dot}`)}\\.(?:${alternatives(suffixes)})$`);
}

function alternatives(suffixes: readonly string[]): string {
  return suffixes.map((suffix) => suffix.replaceAll('.', '\\.')).join('|');
}
