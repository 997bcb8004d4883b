import { readFile } from "node:fs/promises";
import { createAddressCheck, Egress } from "../../egress/index.ts";
import { FormatScanner } from "../../formats/index.ts";
import { Cosign, type Credentials, FactFinder, parseDockerConfigJson, Verifier } from "../../trust/index.ts";
import type { Io } from "../io.ts";
import { InputError } from "../usage-error.ts";
import { CheckedCosign } from "./checked-cosign.ts";
import { findCosign } from "./find-cosign.ts";
import { LayoutReader } from "./layout.ts";
import { NotingCache } from "./noting-cache.ts";

export interface RegistryChoice {
  readonly ca: string | undefined;
  readonly "docker-config": string | undefined;
  readonly cosign: string | undefined;
  readonly "plain-http": readonly string[];
  /** A folder to read instead of registries. */
  readonly layout?: string | undefined;
  /** Whether artifacts are read through, as the operator does: they may be large. */
  readonly content: boolean;
}

/** The operator's own verifier, as this machine reaches registries. */
export interface Verifying {
  readonly verifier: Verifier;
  readonly finder: FactFinder;
  readonly notes: NotingCache;
  readonly cosign: Cosign;
  readonly egress: Egress;
  /** What is in a model can be judged only where it is read. */
  readonly useOfModels: "Model" | "Image";
  /** Of the caller. */
  readonly credentials: Credentials | undefined;
  readonly close: () => Promise<void>;
}

/** @throws InputError when a file that was named cannot be used. */
export async function openRegistries(
  choice: RegistryChoice,
  { env, now }: Pick<Io, "env" | "now">,
): Promise<Verifying> {
  const { layout } = choice;
  const plainHttpHosts = choice["plain-http"];
  const caBundle = choice.ca === undefined ? undefined : await readNamed("--ca", choice.ca);
  const credentials = choice["docker-config"] === undefined ? undefined : await readLogins(choice["docker-config"]);
  const check = createAddressCheck([]);
  const egress = new Egress({
    plainHttpHosts,
    caBundle,
    // Whoever types a registry on this machine means it; where a registry sends us is checked as in the cluster.
    addressCheck: (address) => {
      const denied = check(address);
      return denied === "loopback" && plainHttpHosts.length > 0 ? undefined : denied;
    },
  });
  const cosign = new Cosign({ path: findCosign(choice.cosign, env["PATH"]) });
  const bundleVerifier = new CheckedCosign(cosign);
  const notes = new NotingCache();
  const verifier = new Verifier({
    ...{ egress, bundleVerifier, plainHttpHosts, cache: notes, clock: now },
    ...(choice.content ? { scanner: new FormatScanner() } : { limits: { maxLayerBytes: 0 } }),
    ...(layout === undefined ? {} : { connect: ({ name }) => new LayoutReader(layout, name) }),
  });
  const finder = new FactFinder(notes, bundleVerifier);
  const useOfModels = choice.content ? "Model" : "Image";
  return { verifier, finder, notes, cosign, egress, useOfModels, credentials, close: () => egress.close() };
}

async function readLogins(path: string): Promise<Credentials> {
  const parsed = parseDockerConfigJson(await readNamed("--docker-config", path));
  if (parsed.ok) return parsed.credentials;
  throw new InputError(`--docker-config ${path}: ${parsed.message}`);
}

async function readNamed(option: string, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new InputError(`${option} ${path}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
