/**
 * Makes everything in this folder but README.md, `old/` and this file, with the real Fulcio, timestamp authority, Rekor
 * and cosign on loopback:
 *
 *     tools/cluster/cluster build sigstore cosign
 *     PATH=~/.cache/mlsecops/bin:$PATH node_modules/.bin/node test/vectors/keyless/make.ts
 */
import { execa } from "execa";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  person,
  pipeline,
  saysCosign,
  Sigstore,
  workflow,
  type Check,
  type Identity,
} from "../../support/sigstore/index.ts";

const here = import.meta.dirname;
const { model: digest } = JSON.parse(await readFile(join(here, "../digests.json"), "utf8")) as { model: string };
const signature = "https://sigstore.dev/cosign/sign/v1";
const evaluation = "https://mlsecops.io/evaluation/v1";

interface Case {
  readonly name: string;
  readonly bundle: string;
  readonly digest: string;
  readonly predicateType: string;
  /** What a policy asks for. */
  readonly identity: { readonly issuer: string; readonly subject: string };
  readonly trustedRoot: string;
  /** Whether the policy asks for the transparency log. */
  readonly logged: boolean;
  readonly expected: "valid" | "invalid";
  readonly why: string;
  /** What cosign said when this was made. */
  readonly cosign: string;
}

/** The parts of a bundle that are changed here. */
interface Bundle {
  readonly verificationMaterial: {
    certificate: { rawBytes: string };
    tlogEntries?: {
      canonicalizedBody: string;
      inclusionProof: { rootHash: string; hashes: string[]; checkpoint: { envelope: string } };
    }[];
    timestampVerificationData?: object;
  };
}

const cases: Case[] = [];
const roots = new Map<string, string>();

interface Wanted {
  readonly bundle: string;
  readonly identity: Identity;
  readonly logged?: boolean;
  readonly issuer?: string;
  readonly predicateType?: string;
  readonly trustedRoot?: string;
  readonly expected: "valid" | "invalid";
}

async function record(name: string, why: string, wanted: Wanted): Promise<void> {
  const { identity, logged = false, predicateType = signature, trustedRoot = "trusted-root.json", expected } = wanted;
  const issuer = wanted.issuer ?? identity.issuer;
  const check: Check = {
    bundle: await readFile(join(here, wanted.bundle)),
    digest,
    predicateType,
    issuer,
    subject: identity.subject,
    trustedRoot: roots.get(trustedRoot) ?? "",
    logged,
  };
  const cosign = await saysCosign(check);
  const { subject } = identity;
  const common = { digest, predicateType, identity: { issuer, subject }, trustedRoot, logged, expected, why, cosign };
  cases.push({ name, bundle: wanted.bundle, ...common });
}

function statement(predicateType: string, predicate: object): object {
  const subject = [{ digest: { sha256: digest.slice("sha256:".length) } }];
  return { _type: "https://in-toto.io/Statement/v1", subject, predicateType, predicate };
}

async function write(name: string, bundle: Buffer | object): Promise<string> {
  const file = `bundles/${name}.json`;
  await writeFile(join(here, file), Buffer.isBuffer(bundle) ? bundle : JSON.stringify(bundle));
  return file;
}

async function writeRoot(name: string, root: string): Promise<void> {
  roots.set(name, root);
  await writeFile(join(here, name), root);
}

async function changed(bundle: string, change: (bundle: Bundle) => void): Promise<object> {
  const copy = JSON.parse(await readFile(join(here, bundle), "utf8")) as Bundle;
  change(copy);
  return copy;
}

function firstEntry({
  verificationMaterial,
}: Bundle): NonNullable<Bundle["verificationMaterial"]["tlogEntries"]>[number] {
  const entry = verificationMaterial.tlogEntries?.[0];
  if (entry === undefined) throw new Error("the bundle has no log entry");
  return entry;
}

/** Another digit, so that it is still base64. */
function otherText(text: string, at: number): string {
  return text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
}

const release = workflow({ repository: "bank/models", file: ".github/workflows/release.yml", ref: "refs/heads/main" });
const people = person("release@bank.example");
const signers: readonly (readonly [string, Identity, string])[] = [
  ["person", people, "a person, whose address the issuer has verified"],
  ["pipeline", pipeline("/release/main"), "a pipeline, named by a URI"],
  ["workflow", release, "a workflow of GitHub Actions: issuer, subject and extensions are as there"],
];

async function withCertificateLog(sigstore: Sigstore): Promise<void> {
  await writeRoot("trusted-root.json", sigstore.trustedRoot);
  for (const [name, identity, why] of signers) {
    for (const logged of [false, true]) {
      const full = logged ? `${name}-logged` : name;
      const bundle = await write(full, await sigstore.signStatement(statement(signature, {}), identity, { logged }));
      await record(full, `${why}${logged ? "; in the log" : ""}`, { bundle, identity, logged, expected: "valid" });
    }
  }
  const metrics = [{ name: "accuracy", value: 0.97 }];
  const evaluated = statement(evaluation, { score: 0.97, dataset: "holdout", metrics });
  const attestation = await write("evaluation", await sigstore.signStatement(evaluated, release, { logged: true }));
  const attested = { bundle: attestation, identity: release, logged: true, predicateType: evaluation };
  await record("evaluation", "an attestation by a workflow; in the log", { ...attested, expected: "valid" });

  const strangers: readonly (readonly [string, Identity, string])[] = [
    ["fork", { repository: "evil/models" }, "the same workflow of another repository"],
    ["longer-name", { repository: "bank/models-evil" }, "a repository whose name begins with that of the trusted one"],
    ["pull-request", { ref: "refs/pull/7/merge" }, "the same workflow, run for a pull request"],
    ["other-file", { file: ".github/workflows/test.yml" }, "another workflow of the same repository"],
  ].map(([name, other, why]) => {
    const usual = { repository: "bank/models", file: ".github/workflows/release.yml", ref: "refs/heads/main" };
    return [name as string, workflow({ ...usual, ...(other as object) }), why as string];
  });
  for (const [name, identity, why] of strangers) {
    const bundle = await write(name, await sigstore.signStatement(statement(signature, {}), identity));
    await record(name, why, { bundle, identity: release, expected: "invalid" });
  }
}

async function changes(): Promise<void> {
  const [plain, logged] = ["bundles/workflow.json", "bundles/workflow-logged.json"];
  const asked = { identity: release, expected: "invalid" } as const;
  await record("other-issuer", "the same subject by another issuer", {
    ...asked,
    bundle: plain,
    issuer: "https://token.actions.example",
  });
  await record("issuer-prefix", "the issuer begins with what is asked for", {
    ...asked,
    bundle: plain,
    issuer: "https://token.actions.githubusercontent",
  });
  await record("not-logged", "the policy asks for the log, which does not know the signature", {
    ...asked,
    bundle: plain,
    logged: true,
  });
  const other = JSON.parse(await readFile(join(here, "bundles/person-logged.json"), "utf8")) as Bundle;
  const bad: readonly (readonly [string, string, (bundle: Bundle) => void])[] = [
    [
      "other-entry",
      "the log entry is that of another signature",
      (bundle) => {
        bundle.verificationMaterial.tlogEntries = [firstEntry(other)];
      },
    ],
    [
      "checkpoint",
      "the log has not signed this checkpoint",
      (bundle) => {
        const { checkpoint } = firstEntry(bundle).inclusionProof;
        checkpoint.envelope = otherText(checkpoint.envelope, checkpoint.envelope.length - 20);
      },
    ],
    [
      "proof",
      "the proof does not lead to the root that the log has signed",
      (bundle) => {
        const { inclusionProof } = firstEntry(bundle);
        inclusionProof.hashes = inclusionProof.hashes.map((hash) => otherText(hash, 5));
      },
    ],
    [
      "body",
      "the entry is another than the one that was logged",
      (bundle) => {
        const entry = firstEntry(bundle);
        entry.canonicalizedBody = otherText(entry.canonicalizedBody, 200);
      },
    ],
    [
      "no-timestamp",
      "in the log, which keeps no time, and nobody else says when this was signed",
      (bundle) => {
        delete bundle.verificationMaterial.timestampVerificationData;
      },
    ],
    [
      "other-certificate",
      "the certificate is of another signer and of another key",
      (bundle) => {
        bundle.verificationMaterial.certificate = other.verificationMaterial.certificate;
      },
    ],
  ];
  for (const [name, why, change] of bad) {
    const bundle = await write(name, await changed(logged, change));
    await record(name, why, { ...asked, bundle, logged: true });
  }
  const root = JSON.parse(roots.get("trusted-root.json") ?? "") as Record<string, unknown>;
  await writeRoot("trusted-root-without-certificate-log.json", JSON.stringify({ ...root, ctlogs: [] }));
  await record("unknown-certificate-log", "the certificate is of a log that is not in the trusted root", {
    ...asked,
    bundle: plain,
    trustedRoot: "trusted-root-without-certificate-log.json",
  });
}

async function withoutCertificateLog(sigstore: Sigstore): Promise<void> {
  const trustedRoot = "trusted-root-plain.json";
  await writeRoot(trustedRoot, sigstore.trustedRoot);
  const identity = people;
  const bundle = await write(
    "plain",
    await sigstore.signStatement(statement(signature, {}), identity, { logged: true }),
  );
  const why = "a private Fulcio without a certificate log: a policy that asks for one must refuse it";
  await record("plain", why, { bundle, identity, logged: true, trustedRoot, expected: "invalid" });
  const stranger = "bundles/person.json";
  await record("other-sigstore", "by another Sigstore", {
    bundle: stranger,
    identity,
    trustedRoot,
    expected: "invalid",
  });
}

await rm(join(here, "bundles"), { recursive: true, force: true });
await mkdir(join(here, "bundles"));
for (const [certificateLog, make] of [
  [true, withCertificateLog],
  [false, withoutCertificateLog],
] as const) {
  const sigstore = await Sigstore.start({ certificateLog });
  try {
    await make(sigstore);
  } finally {
    await sigstore.remove();
  }
  if (certificateLog) await changes();
}
await writeFile(join(here, "index.json"), `${JSON.stringify(cases, undefined, 2)}\n`);
const { stdout } = await execa("cosign", ["version", "--json"]);
const { gitVersion } = JSON.parse(stdout) as { gitVersion: string };
await writeFile(join(here, "made-with.txt"), `made ${new Date().toISOString()}\ncosign ${gitVersion}\n`);
