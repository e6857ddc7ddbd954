import * as z from 'zod';

/** Subjects of the checks of `doctor`, in the order of reports. */
const DOCTOR_CHECKS = [
  'helm',
  'plugin',
  'node',
  'temporary-folder',
  'working-folder',
  'certificates',
  'proxy',
  'endpoint',
  'clock',
  'aws-credentials',
  'aws-account',
  'login',
  'pull',
  'push',
  'create-repository',
  'mount',
  'referrers',
  'delete',
  'catalog',
] as const;

const finding = z.object({
  check: z.enum(DOCTOR_CHECKS),
  /** What was checked, if there may be several: a host, a file, a service. */
  name: z.string().optional(),
  /** `not-known` if nobody could be asked, or if it depends on what is done later. */
  status: z.enum(['good', 'bad', 'not-known']),
  /** What was found. */
  message: z.string(),
  /** What to do. */
  hint: z.string().optional(),
});

const doctorResultSchema = z.object({
  /** `REGISTRY[/PREFIX]`; absent if only this host was checked. */
  target: z.string().optional(),
  counts: z.object({ good: z.int(), bad: z.int(), notKnown: z.int() }),
  checks: z.array(finding),
});

/** The JSON document of `doctor`. */
export const doctorDocumentSchema = z.object({
  apiVersion: z.literal('airgap/v1'),
  kind: z.literal('Doctor'),
  ...doctorResultSchema.shape,
});

export type DoctorResult = Readonly<z.infer<typeof doctorResultSchema>>;
export type DoctorFinding = DoctorResult['checks'][number];
export type DoctorCheck = DoctorFinding['check'];
