import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { Egress } from "../../egress/index.ts";
import { DirectoryStore, type EvidenceStore, RepositoryStore, StoreError, basicLogin } from "../../governance/index.ts";
import { parseReference } from "../../trust/index.ts";

export type Place =
  | { readonly kind: "Directory"; readonly directory: string }
  | {
      readonly kind: "Repository";
      readonly reference: string;
      readonly plainHttp: boolean;
      readonly caFile: string | undefined;
    };

/** @throws StoreError. */
export async function openStore(place: Place): Promise<Pick<EvidenceStore, "list" | "read">> {
  if (place.kind === "Directory") return new DirectoryStore(place.directory);
  const parsed = parseReference(place.reference);
  if (!parsed.ok) throw new StoreError("Refused", parsed.message);
  const { registry, repository } = parsed.reference;
  const plainHttpHosts = place.plainHttp ? [registry] : [];
  const egress = new Egress({
    plainHttpHosts,
    // Whoever calls this wrote the address: there is nobody to protect from it.
    addressCheck: () => undefined,
    caBundle: place.caFile === undefined ? undefined : await readText(place.caFile),
  });
  const login = async () => basicLogin((await dockerConfig()) ?? "{}", registry, repository);
  return new RepositoryStore({ egress, place: { registry, repository }, plainHttpHosts, login });
}

/** What docker login, crane auth login and others wrote. */
async function dockerConfig(): Promise<string | undefined> {
  const folder = process.env["DOCKER_CONFIG"] ?? join(homedir(), ".docker");
  try {
    return await readFile(join(folder, "config.json"), "utf8");
  } catch {
    return undefined;
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new StoreError("Refused", `--ca-file ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
