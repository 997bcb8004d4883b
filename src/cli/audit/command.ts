import { parseArgs } from "node:util";
import { StoreError, verifyEvidence } from "../../governance/index.ts";
import { UsageError } from "../usage-error.ts";
import { type KeySource, loadKeys } from "./keys.ts";
import { render, renderJson } from "./render.ts";
import { type ObjectName, decide, exitStatus, parseObjectName } from "./decide.ts";
import { type Place, openStore } from "./store.ts";

export const usage = `usage: mlsecops audit verify PLACE KEY [OPTION...]

Checks the evidence of the operator's decisions: signatures, order, links and checkpoints of every chain. It needs the
records and a public key, and trusts neither the operator nor the store.

PLACE, where the records are:
  --dir DIR              a directory: the volume of the evidence, or a copy of it
  --repository REPO      a repository, such as registry.example.com/mlsecops/evidence; with the login of docker login
    --plain-http           without TLS
    --ca-file FILE         certificates that are trusted beside the public ones

KEY, whom to trust; more than one may be given:
  --key FILE             public keys in PEM
  --key-from-cluster     those that the operator publishes in the cluster that KUBECONFIG names
    --namespace NAME       where the operator is installed (default: mlsecops-system)

  --object NAME          one object only: SecureModel/NAMESPACE/NAME or SecureNamespace/NAME
  --head sha256:…        the digest of a record that you kept, of a checkpoint for example: it must still be there
  -o json                print JSON

Exit status: 0 all is sound, 1 something is broken or gone, 2 the command line is wrong, 3 it could not be looked at.
`;

export interface AuditOutput {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

interface Request {
  readonly place: Place;
  readonly keys: readonly KeySource[];
  readonly object: ObjectName | undefined;
  readonly heads: readonly string[];
  readonly json: boolean;
}

export async function runAudit(args: readonly string[], { out, err }: AuditOutput): Promise<number> {
  const request = parse(args);
  if (request === undefined) {
    out(usage);
    return 0;
  }
  const { signal } = new AbortController();
  try {
    const keys = await loadKeys(request.keys);
    if (!keys.ok) return cannotLook(err, keys.problem);
    const store = await openStore(request.place);
    const found = await verifyEvidence({ store, keys: keys.keys, heads: request.heads, signal });
    if (found.chains.length === 0) return cannotLook(err, "there is no evidence in that place");
    const verdict = decide(found, request.object);
    out(request.json ? renderJson(verdict) : render(verdict));
    return exitStatus(verdict);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return cannotLook(err, error.message);
  }
}

function cannotLook(err: AuditOutput["err"], problem: string): 3 {
  err(`mlsecops: ${problem}\n`);
  return 3;
}

const options = {
  help: { type: "boolean", short: "h" },
  dir: { type: "string" },
  repository: { type: "string" },
  "plain-http": { type: "boolean" },
  "ca-file": { type: "string" },
  key: { type: "string", multiple: true },
  "key-from-cluster": { type: "boolean" },
  namespace: { type: "string", default: "mlsecops-system" },
  object: { type: "string" },
  head: { type: "string", multiple: true },
  output: { type: "string", short: "o" },
} as const;

/** Undefined when help is asked for. */
function parse(args: readonly string[]): Request | undefined {
  const { values, positionals } = read(args);
  if (values.help === true) return undefined;
  if (positionals.length !== 1 || positionals[0] !== "verify")
    throw new UsageError("write: mlsecops audit verify", usage);
  const { dir, repository, key = [], head: heads = [], output } = values;
  if ((dir === undefined) === (repository === undefined))
    throw new UsageError("give either --dir or --repository", usage);
  const keys: KeySource[] = key.map((file) => ({ kind: "File", file }));
  if (values["key-from-cluster"] === true) keys.push({ kind: "Cluster", namespace: values.namespace });
  if (keys.length === 0) throw new UsageError("give the key to trust: --key FILE, or --key-from-cluster", usage);
  const wrong = heads.find((head) => !/^sha256:[a-f0-9]{64}$/.test(head));
  if (wrong !== undefined) throw new UsageError(`--head ${wrong}: write sha256: and 64 hexadecimal digits`, usage);
  if (output !== undefined && output !== "json") throw new UsageError(`-o ${output}: only json is known`, usage);
  const object = values.object === undefined ? undefined : parseObjectName(values.object);
  if (values.object !== undefined && object === undefined)
    throw new UsageError(`--object ${values.object}: write KIND/NAMESPACE/NAME or KIND/NAME`, usage);
  const place: Place =
    dir !== undefined
      ? { kind: "Directory", directory: dir }
      : {
          kind: "Repository",
          reference: repository ?? "",
          plainHttp: values["plain-http"] === true,
          caFile: values["ca-file"],
        };
  return { place, keys, object, heads, json: output === "json" };
}

function read(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), usage);
  }
}
