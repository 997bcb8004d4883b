import { z } from "zod";
import { FORMATS } from "./formats.ts";

/** Bounds that were passed. */
export const LIMIT_FINDINGS = [
  "TooManyBytes",
  "TooManyFiles",
  "TooDeep",
  "ExpansionRatio",
  "TooManyOpcodes",
  "MemoLimit",
  "StackLimit",
  "StringLimit",
  "TooManyGlobals",
  "TooManyFindings",
  "PathTooLong",
] as const;

/** Entries of an archive that a model has no use for. */
export const ENTRY_FINDINGS = [
  "Symlink",
  "Hardlink",
  "Device",
  "AbsolutePath",
  "ParentPath",
  "BadPath",
  "DuplicatePath",
  "Sparse",
  "Whiteout",
  "UnknownEntryType",
] as const;

/** What was seen that nobody who packs an honest model needs. Stable: scripts may rely on the names. */
export const FINDINGS = [
  ...LIMIT_FINDINGS,
  ...ENTRY_FINDINGS,
  "BadChecksum",
  "Encrypted",
  "ZipInconsistent",
  // Content that does not hold together.
  "Malformed",
  "Truncated",
  "TrailingData",
  "TrailingArchive",
  "CompressedUnreadable",
  // Content that is two things at once.
  "AlsoPickle",
  // Pickles.
  "UnresolvedGlobal",
  "UnresolvedCall",
  "GlobalModified",
  "ExtensionCode",
  "PersistentId",
  "OutOfBandBuffer",
  "FrameMismatch",
  "Unfollowable",
  "UnsafeDtype",
  // Other formats.
  "ExternalPath",
  "UnknownNode",
  "DuplicateKey",
  "TemplateReachesPython",
  "YamlPythonTag",
  "XmlDoctype",
] as const;

export type FindingName = (typeof FINDINGS)[number];

const findingSchema = z.strictObject({ name: z.enum(FINDINGS), detail: z.string().max(256) }).readonly();
export type Finding = z.infer<typeof findingSchema>;

const typeName = z.string().max(1024);

const fileSchema = z
  .strictObject({
    /** As in the archive; what lies in an archive in it follows after "!/". Of a raw layer: "". */
    path: z.string().max(8192),
    /** In bytes, unpacked. */
    size: z.number().nonnegative(),
    /** Of the content; undefined where it was not read to its end. */
    sha256: z
      .string()
      .regex(/^[a-f0-9]{64}$/)
      .optional(),
    format: z.enum(FORMATS),
    findings: z.array(findingSchema).max(128).readonly(),
    /** "module.Name" of everything that loading it could import, sorted; the data-only ones are left out. */
    types: z.array(typeName).max(4096).readonly(),
    /** Paths of the files that an ONNX model keeps its tensors in, as the model writes them. */
    external: z.array(z.string().max(4096)).max(4096).readonly(),
  })
  .readonly();
export type FileFacts = z.infer<typeof fileSchema>;

export const INCOMPLETE_REASONS = [
  /** Of this compression nothing can be read here. */
  "Unsupported",
  "TimedOut",
  "OutOfMemory",
  "Crashed",
  "CannotStart",
  "Unparsable",
  "Cancelled",
  /** The layer's bytes ended before its size was reached, or the caller gave up. */
  "InputFailed",
] as const;
export type IncompleteReason = (typeof INCOMPLETE_REASONS)[number];

const completeSchema = z
  .strictObject({
    state: z.literal("Complete"),
    /** Bytes of the layer as it came. */
    bytes: z.number().nonnegative(),
    files: z.array(fileSchema).max(8192).readonly(),
    /** Of the layer as a whole, and of entries that are no regular files. */
    findings: z.array(findingSchema).max(128).readonly(),
  })
  .readonly();

const incompleteSchema = z
  .strictObject({
    state: z.literal("Incomplete"),
    reason: z.enum(INCOMPLETE_REASONS),
    detail: z.string().max(1024),
  })
  .readonly();

/** What the child process prints, and what a decision rests on. A fact for ever: it speaks of bytes under a digest. */
export const contentFactsSchema = z.discriminatedUnion("state", [completeSchema, incompleteSchema]);
export type CompleteFacts = z.infer<typeof completeSchema>;
export type IncompleteFacts = z.infer<typeof incompleteSchema>;
export type ContentFacts = z.infer<typeof contentFactsSchema>;
