import { type ContentFacts, ENTRY_FINDINGS, type FileFacts, type FindingName, LIMIT_FINDINGS } from "./facts.ts";
import { isDataOnly } from "./pickle/data-only.ts";
import { describeFormat, EXECUTABLE_FORMATS, PICKLE_FORMATS, WRAPPING_FORMATS, type FormatName } from "./formats.ts";

export interface FormatRules {
  /** The formats that are let in; pickle and its kin go by allowPickle. */
  readonly allow: readonly FormatName[];
  readonly allowPickle: boolean;
  readonly allowExecutables: boolean;
  /** "module.Name", or "module.*" for the classes of a module and of those below it. */
  readonly trustedTypes: readonly string[];
}

/** Formats that hold data, and that are read here to their end. */
export const DEFAULT_RULES: FormatRules = {
  allow: [
    "safetensors",
    "onnx",
    "gguf",
    "skops",
    "npy",
    "npz",
    "xgboost-json",
    "xgboost-ubj",
    "lightgbm",
    "json",
    "text",
    "empty",
  ],
  allowPickle: false,
  allowExecutables: false,
  trustedTypes: [],
};

export type FormatRefusal =
  | "NothingScanned"
  | "ScanIncomplete"
  | "LimitExceeded"
  | "UnsafeEntry"
  | "UnsafeContent"
  | "MalformedContent"
  | "ExecutableNotAllowed"
  | "PickleNotAllowed"
  | "FormatNotAllowed"
  | "TypesNotTrusted";

export type FormatDecision =
  | { readonly outcome: "Accepted" }
  | {
      readonly outcome: "Refused";
      readonly reason: FormatRefusal;
      readonly message: string;
      /** Types that could be added to trustedTypes by somebody who trusts them: all of them, up to 512, sorted. */
      readonly denied: readonly string[];
    };

const limits: readonly FindingName[] = LIMIT_FINDINGS;
const entries: readonly FindingName[] = [...ENTRY_FINDINGS, "ExternalPath"];
const malformed: readonly FindingName[] = [
  "BadChecksum",
  "ZipInconsistent",
  "Malformed",
  "Truncated",
  "TrailingData",
  "DuplicateKey",
];
const maxNamed = 20;
const maxDenied = 512;
const maxPath = 256;
const instead = "store the model as safetensors, ONNX or skops, or let the policy allow pickles whose types it trusts";

/** Whether these contents may be used: all layers of one artifact. Whatever is not clearly right is refused. */
export function decideFormat(layers: readonly ContentFacts[], rules: FormatRules): FormatDecision {
  for (const layer of layers) {
    if (layer.state === "Incomplete") {
      return refused("ScanIncomplete", `the content could not be looked through: ${layer.reason}, ${layer.detail}`);
    }
    const [finding] = layer.findings;
    if (finding !== undefined) return foundIn("a layer", finding);
  }
  const files = layers.flatMap((layer) => (layer.state === "Complete" ? layer.files : []));
  if (files.length === 0) return refused("NothingScanned", "there is no file in it; push the model's files");
  // What cannot be cured by trust comes first, and then all types at once, so that one edit is enough.
  for (const file of files) {
    const problem = judge(file, rules, files);
    if (problem !== undefined) return problem;
  }
  return judgeTypes(files, rules);
}

function judge(file: FileFacts, rules: FormatRules, files: readonly FileFacts[]): FormatDecision | undefined {
  const { format } = file;
  const it = `${nameOf(file)} is ${describeFormat(format)}`;
  if (EXECUTABLE_FORMATS.includes(format) && !rules.allowExecutables) {
    return refused("ExecutableNotAllowed", `${it}; programs belong in the runtime's image: leave it out of the model`);
  }
  if (PICKLE_FORMATS.includes(format) && !rules.allowPickle) {
    const denied = deniedTypes(files, rules);
    const names = denied.length === 0 ? "" : `; it could import ${listed(denied)}`;
    return refused("PickleNotAllowed", `${it}: loading it runs what it says${names}; ${instead}`, denied);
  }
  const [finding] = file.findings;
  if (finding !== undefined) return foundIn(it, finding, rules.allowPickle ? deniedTypes(files, rules) : []);
  if (isAllowed(file, rules, files)) return undefined;
  const allowed = rules.allow.length === 0 ? "none" : rules.allow.join(", ");
  return refused("FormatNotAllowed", `${it}; the policy allows ${allowed}: convert it, or leave it out`);
}

function isAllowed({ format, path }: FileFacts, rules: FormatRules, files: readonly FileFacts[]): boolean {
  if (PICKLE_FORMATS.includes(format) || EXECUTABLE_FORMATS.includes(format)) return true;
  if (WRAPPING_FORMATS.includes(format) || rules.allow.includes(format)) return true;
  // The tensors that an ONNX model keeps beside itself have no format of their own.
  return format === "unknown" && rules.allow.includes("onnx") && files.some((model) => refersTo(model, path));
}

function refersTo({ path, external }: FileFacts, other: string): boolean {
  const directory = path.slice(0, path.lastIndexOf("/") + 1);
  return external.some((name) => other === directory + name.replace(/^(?:\.\/)+/, ""));
}

function judgeTypes(files: readonly FileFacts[], rules: FormatRules): FormatDecision {
  const denied = deniedTypes(files, rules);
  if (denied.length === 0) return { outcome: "Accepted" };
  const file = files.find((candidate) => typesOf(candidate).some((type) => denied.includes(type)));
  const it = file === undefined ? "the model" : `${nameOf(file)} is ${describeFormat(file.format)} that`;
  return refused(
    "TypesNotTrusted",
    `${it} names types which the policy does not trust; if you know each of them, add to trustedTypes: ${listed(denied)}`,
    denied,
  );
}

function deniedTypes(files: readonly FileFacts[], rules: FormatRules): readonly string[] {
  const types = new Set(files.flatMap(typesOf));
  return [...types].filter((type) => !isDataOnly(type) && !isTrusted(type, rules.trustedTypes)).sort();
}

/** The types that count: a JSON file beside a model may name what it likes. */
function typesOf({ format, types }: FileFacts): readonly string[] {
  return format === "json" || format === "text" ? [] : types;
}

/**
 * A pattern that ends in ".*" covers classes, told by their capital letter: of functions one has to know what they do, such
 * as numpy.load or numpy.testing's runstring. It covers names only: a path such as sklearn.utils:os.system, or a name such as __builtins__,
 * leads out of the module, and has to be trusted as it stands.
 */
export function isTrusted(type: string, trustedTypes: readonly string[]): boolean {
  return trustedTypes.some((trusted) => {
    if (!trusted.endsWith(".*")) return trusted === type;
    const prefix = trusted.slice(0, -1);
    return prefix.length > 1 && type.startsWith(prefix) && /\._*[A-Z]\w*$/.test(type) && !/:|(?:^|\.)__/.test(type);
  });
}

function foundIn(
  where: string,
  { name, detail }: { readonly name: FindingName; readonly detail: string },
  denied: readonly string[] = [],
): FormatDecision {
  const reason: FormatRefusal = limits.includes(name)
    ? "LimitExceeded"
    : entries.includes(name)
      ? "UnsafeEntry"
      : malformed.includes(name)
        ? "MalformedContent"
        : "UnsafeContent";
  return refused(reason, `${where}: ${name} (${detail}); ${remedies[reason] ?? "write it again"}`, denied);
}

const remedies: Partial<Record<FormatRefusal, string>> = {
  LimitExceeded: "it is larger, or deeper, than what is looked through here: pack less into it",
  UnsafeEntry: "pack regular files under plain relative paths only",
  MalformedContent: "write the file again with the library of its format",
  UnsafeContent: "no honest model needs this: ask where the file comes from",
};

function refused(reason: FormatRefusal, message: string, denied: readonly string[] = []): FormatDecision {
  return { outcome: "Refused", reason, message, denied: denied.slice(0, maxDenied) };
}

function nameOf({ path }: FileFacts): string {
  if (path === "") return "the layer";
  return path.length <= maxPath ? path : `...${path.slice(-maxPath)}`;
}

function listed(names: readonly string[]): string {
  const rest = names.length - maxNamed;
  return names.slice(0, maxNamed).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
