import { StoreError, verifyEvidence } from "../../governance/index.ts";
import type { Invocation } from "../command.ts";
import type { Io } from "../io.ts";
import { selectCluster } from "../select-cluster.ts";
import type { options } from "./command.ts";
import { type ObjectName, decide, exitStatus, parseObjectName } from "./decide.ts";
import { type KeySource, loadKeys } from "./keys.ts";
import { render, renderJson } from "./render.ts";
import { type Place, openStore } from "./store.ts";

interface Request {
  readonly place: Place;
  readonly keys: readonly KeySource[];
  readonly object: ObjectName | undefined;
}

export async function run(invocation: Invocation<typeof options>, { out, err }: Io): Promise<number> {
  const { head: heads, output } = invocation.values;
  const request = requestOf(invocation);
  const { signal } = new AbortController();
  try {
    const keys = await loadKeys(request.keys);
    if (!keys.ok) return cannotLook(err, keys.problem);
    const store = await openStore(request.place);
    const found = await verifyEvidence({ store, keys: keys.keys, heads, signal });
    if (found.chains.length === 0) return cannotLook(err, "there is no evidence in that place");
    const verdict = decide(found, request.object);
    out(output === "json" ? renderJson(verdict) : render(verdict));
    return exitStatus(verdict);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return cannotLook(err, error.message);
  }
}

function cannotLook(err: Io["err"], problem: string): 3 {
  err(`mlsecops: ${problem}\n`);
  return 3;
}

function requestOf({ values, wrong }: Invocation<typeof options>): Request {
  const { dir, repository, key, head: heads, namespace } = values;
  if ((dir === undefined) === (repository === undefined)) throw wrong("give either --dir or --repository");
  const keys: KeySource[] = key.map((file) => ({ kind: "File", file }));
  if (values["key-from-cluster"]) keys.push({ kind: "Cluster", namespace });
  if (keys.length === 0) throw wrong("give the key to trust: --key FILE, or --key-from-cluster");
  const bad = heads.find((head) => !/^sha256:[a-f0-9]{64}$/.test(head));
  if (bad !== undefined) throw wrong(`--head ${bad}: write sha256: and 64 hexadecimal digits`);
  const object = values.object === undefined ? undefined : parseObjectName(values.object);
  if (values.object !== undefined && object === undefined)
    throw wrong(`--object ${values.object}: write KIND/NAMESPACE/NAME or KIND/NAME`);
  if (values["key-from-cluster"]) selectCluster(values, wrong);
  const place: Place =
    dir !== undefined
      ? { kind: "Directory", directory: dir }
      : {
          kind: "Repository",
          reference: repository ?? "",
          plainHttp: values["plain-http"],
          caFile: values["ca-file"],
        };
  return { place, keys, object };
}
