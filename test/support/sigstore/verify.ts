import { bundleFromJSON } from "@sigstore/bundle";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";
import { execa } from "execa";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programPath } from "./daemon.ts";

export interface Check {
  readonly bundle: Buffer;
  /** Of the artifact: "sha256:…". */
  readonly digest: string;
  readonly predicateType: string;
  readonly issuer: string;
  readonly subject: string;
  /** As a trusted_root.json. */
  readonly trustedRoot: string;
  /** Whether the transparency log must know the signature. */
  readonly logged: boolean;
  /** Where what it would fetch leads; a closed port by default. */
  readonly proxyUrl?: string;
}

/**
 * What cosign says, given a trusted root and a bundle and nothing else: nothing that it would fetch can be had.
 * "Verified OK", or its error.
 */
export async function saysCosign(check: Check): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "verify-"));
  try {
    const [bundle, root] = [join(directory, "bundle.json"), join(directory, "trusted-root.json")];
    await writeFile(bundle, check.bundle);
    await writeFile(root, check.trustedRoot);
    const options = {
      bundle,
      type: check.predicateType,
      digest: check.digest.slice("sha256:".length),
      digestAlg: "sha256",
      "trusted-root": root,
      "certificate-identity": check.subject,
      "certificate-oidc-issuer": check.issuer,
      "use-signed-timestamps": "true",
      "insecure-ignore-tlog": String(!check.logged),
    };
    const nowhere = check.proxyUrl ?? "http://127.0.0.1:9";
    const env = { HOME: directory, TUF_MIRROR: nowhere, HTTP_PROXY: nowhere, HTTPS_PROXY: nowhere };
    const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    const run = await execa(programPath("cosign"), ["verify-blob-attestation", ...args], {
      cwd: directory,
      extendEnv: false,
      env,
      reject: false,
      timeout: 20_000,
    });
    const lines = run.stderr.split("\n").map((line) => line.trim());
    return lines.find((line) => line === "Verified OK" || line.startsWith("Error: ")) ?? run.stderr;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * Who signed, by sigstore's own library for Node, which shares no code with cosign. It throws where the signature, the
 * certificate or the timestamp is not good. Log entries are left to cosign: of the entries of Rekor 2 this library
 * compares the hash of the statement, where cosign 3.1 logs that of its DSSE encoding, so it refuses all of them.
 */
export function signerByLibrary(
  bundle: Buffer,
  trustedRoot: string,
): { readonly subject: string; readonly issuer: string } {
  const trust = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(trustedRoot)));
  const verifier = new Verifier(trust, { ctlogThreshold: 1, tlogThreshold: 0, timestampThreshold: 1 });
  const entity = toSignedEntity(bundleFromJSON(JSON.parse(bundle.toString())));
  const { identity } = verifier.verify({ ...entity, tlogEntries: [] });
  return { subject: identity?.subjectAlternativeName ?? "", issuer: identity?.extensions?.issuer ?? "" };
}
