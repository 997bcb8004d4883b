import { z } from "zod";
import { Digest } from "../api/schema.ts";

/** What the operator tells the import program (an argument), and what that answers (the termination message of its pod). */

const Source = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("s3"),
    endpoint: z.url(),
    bucket: z.string(),
    key: z.string().optional(),
    prefix: z.string().optional(),
    region: z.string(),
    versionId: z.string().optional(),
    /** Credentials are mounted. */
    secret: z.boolean(),
  }),
  z.strictObject({
    kind: z.literal("http"),
    url: z.url(),
    sha256: Digest.optional(),
    redirectHosts: z.array(z.string()),
    /** Headers are mounted. */
    secret: z.boolean(),
  }),
  z.strictObject({ kind: z.literal("pvc"), path: z.string().optional() }),
]);

export const ImportPlan = z.strictObject({
  source: Source,
  /** Where it comes from, for people; no secret is in it. */
  from: z.string().max(2048),
  repository: z.string(),
  /** A login of the registry is mounted. */
  login: z.boolean(),
  tokenHosts: z.array(z.string()),
  /** What the files have to be. */
  pin: Digest.optional(),
  /** What was imported before; the same again is not pushed again. */
  known: z.strictObject({ files: Digest, fingerprint: z.string().optional() }).optional(),
  /** Look: read and compare, push nothing. */
  mode: z.enum(["Import", "Look"]),
  maxBytes: z.int().min(1),
  plainHttpHosts: z.array(z.string()),
  deniedAddresses: z.array(z.string()),
  architecture: z.string(),
});
export type ImportPlan = z.output<typeof ImportPlan>;
export type PlanSource = ImportPlan["source"];

export const ImportFailure = z.enum([
  /** The source or the registry does not answer, or changes while it is read. Trying again may help. */
  "SourceUnavailable",
  "SourceMoved",
  "RegistryUnavailable",
  /** Somebody has to change something. */
  "SourceRefused",
  "NothingToImport",
  "HostileContent",
  "TooLarge",
  "DigestMismatch",
  "RegistryRefused",
  "Misconfigured",
]);
export type ImportFailure = z.output<typeof ImportFailure>;

const fingerprint = z.string().max(128).optional();

export const ImportResult = z.discriminatedUnion("outcome", [
  z.strictObject({
    outcome: z.literal("Imported"),
    digest: Digest,
    files: Digest,
    fingerprint,
    count: z.int().min(0),
    bytes: z.int().min(0),
  }),
  z.strictObject({ outcome: z.literal("Unchanged") }),
  z.strictObject({ outcome: z.literal("Changed"), files: Digest }),
  z.strictObject({ outcome: z.literal("Failed"), reason: ImportFailure, message: z.string().max(1024) }),
]);
export type ImportResult = z.output<typeof ImportResult>;

/** Annotations of the artifact: where it came from, and the digest of its list of files. */
export const recordedAs = { source: "io.mlsecops.import.source", files: "io.mlsecops.import.files" } as const;

/** Where the pod of a Job has its things. */
export const paths = {
  program: "/app/importer.mjs",
  volume: "/source",
  secret: "/import/source",
  login: "/import/login",
  scratch: "/scratch",
  result: "/dev/termination-log",
} as const;

/** Exit codes: the Job tries again, or does not. */
export const exitCodes = { done: 0, retry: 1, final: 2 } as const;
