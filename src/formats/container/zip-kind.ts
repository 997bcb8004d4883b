import type { FileFacts } from "../facts.ts";
import type { FormatName } from "../formats.ts";

/** A file of an archive, and what of it tells the kind of the archive. */
export interface Member {
  readonly name: string;
  readonly facts: FileFacts;
  /** Of JSON: its outermost keys. */
  readonly rootKeys: ReadonlySet<string>;
}

interface Settled {
  readonly format: FormatName;
  /** The files that have to be judged on their own. The others are what such an archive consists of. */
  readonly listed: readonly Member[];
  /** What its description names: loading the archive builds it. */
  readonly types: readonly string[];
}

/** Which of the formats that are zip archives this is. */
export function settleZip(members: readonly Member[]): Settled {
  const names = new Map(members.map((member) => [member.name, member]));
  const settled = (format: FormatName, isPart: (member: Member) => boolean, description?: Member): Settled => ({
    format,
    listed: members.filter((member) => !isPlain(member) || !isPart(member)),
    types: description?.facts.types ?? [],
  });
  const schema = names.get("schema.json");
  if (schema?.rootKeys.has("_skops_version") === true && schema.rootKeys.has("__loader__")) {
    const isPart = ({ name, facts }: Member): boolean =>
      name.endsWith(".npy") ? facts.format === "npy" : name === "schema.json" && facts.format === "json";
    return settled("skops", isPart, schema);
  }
  const config = names.get("config.json");
  if (config?.facts.format === "json" && names.has("metadata.json")) {
    const isPart = ({ name, facts }: Member): boolean =>
      name.endsWith(".h5") ? facts.format === "hdf5" : facts.format === "json" || facts.format === "text";
    return settled("keras", isPart, config);
  }
  const pickle = members.find(({ name }) => /^(?:[^/]+\/)?data\.pkl$/.test(name));
  if (pickle !== undefined) return torch(members, pickle.name.slice(0, -"data.pkl".length));
  if (members.length > 0 && members.every(({ name, facts }) => name.endsWith(".npy") && isArray(facts.format))) {
    return settled("npz", ({ facts }) => facts.format === "npy");
  }
  return { format: "zip", listed: members, types: [] };
}

function torch(members: readonly Member[], root: string): Settled {
  const isScript = members.some(({ name }) => name === `${root}constants.pkl` || name.startsWith(`${root}code/`));
  const isPart = ({ name, facts }: Member): boolean => {
    const rest = name.slice(root.length);
    if (!name.startsWith(root) || facts.types.length > 0) return false;
    if (/^(?:data|constants)\/\d+$/.test(rest)) return ["unknown", "empty", "text"].includes(facts.format);
    return (
      facts.format === "text" &&
      /^(?:version|byteorder|\.format_version|\.storage_alignment|\.data\/[\w.]+)$/.test(rest)
    );
  };
  return {
    format: isScript ? "torchscript" : "torch",
    types: [],
    listed: members
      .filter((member) => !isPlain(member) || !isPart(member))
      .map((member) => (member.name === `${root}data.pkl` ? withoutPersistentIds(member) : member)),
  };
}

/** That is how torch.load finds the numbers of a tensor: by the name of a file in the archive. */
function withoutPersistentIds(member: Member): Member {
  const findings = member.facts.findings.filter(({ name }) => name !== "PersistentId");
  return { ...member, facts: { ...member.facts, findings } };
}

function isPlain({ facts }: Member): boolean {
  return facts.findings.length === 0;
}

function isArray(format: FormatName): boolean {
  return format === "npy" || format === "pickle";
}
