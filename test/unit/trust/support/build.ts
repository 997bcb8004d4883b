import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { DEFAULT_RULES } from "../../../../src/formats/index.ts";
import type {
  ArtifactFacts,
  BundleFact,
  PublicKey,
  ResolvedPolicy,
  SignatureFact,
  Validity,
} from "../../../../src/trust/index.ts";
import { parsePublicKey } from "../../../../src/trust/index.ts";

export const now = new Date("2026-03-01T12:00:00Z");
export const hour = 3_600_000;

export function later(ms: number): Date {
  return new Date(now.getTime() + ms);
}

export function digestOf(letter: string): string {
  return `sha256:${letter.repeat(64)}`;
}

export const digest = digestOf("a");
export const name = "registry.example.com/models/iris";

export function vector(file: string): Buffer {
  return readFileSync(new URL(`../../../vectors/${file}`, import.meta.url));
}

export const vectorDigests = JSON.parse(vector("digests.json").toString()) as { model: string; other: string };

export function publicKey(pem: string): PublicKey {
  const parsed = parsePublicKey(pem);
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.key;
}

export function vectorKey(file: string): PublicKey {
  return publicKey(vector(file).toString());
}

export function freshKey(): PublicKey {
  const { publicKey: key } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return publicKey(key.export({ type: "spki", format: "pem" }).toString());
}

export const release = vectorKey("p256.pub");
export const stranger = vectorKey("stranger.pub");
export const backup = vectorKey("rsa2048.pub");

export const validity: Validity = {
  recheckAfterMs: hour,
  validForMs: 24 * hour,
  onExpiry: "Quarantine",
  maxGraceMs: 24 * hour,
};

export function policy(overrides: Partial<ResolvedPolicy> = {}): ResolvedPolicy {
  return {
    name: "signed",
    generation: 1,
    mode: "Enforce",
    references: ["registry.example.com/models/**"],
    authorities: [{ name: "release", key: release }],
    threshold: 1,
    attestations: [],
    formats: DEFAULT_RULES,
    denied: new Set(),
    deniedKeys: new Set(),
    deniedSigners: [],
    validity,
    ...overrides,
  };
}

export function bundle(claim: Readonly<Record<string, unknown>> = {}, bundleDigest = digestOf("b")): BundleFact {
  const signature = {
    kind: "Signature",
    signedBy: { kind: "Key" },
    timestamps: [],
    envelope: { payloadType: "", payload: Buffer.alloc(0), signature: Buffer.alloc(0) },
  };
  return {
    referrer: digestOf("c"),
    digest: bundleDigest,
    bytes: Buffer.from("{}"),
    claim: { ...signature, ...claim } as BundleFact["claim"],
  };
}

export function artifact(overrides: Partial<ArtifactFacts> = {}): ArtifactFacts {
  return {
    state: "Found",
    name,
    digest,
    platformDigests: [],
    bundles: [bundle()],
    leftOut: 0,
    layers: { state: "Intact" },
    ...overrides,
  };
}

export function fact(overrides: Partial<SignatureFact> = {}): SignatureFact {
  return {
    digest,
    bundleDigest: digestOf("b"),
    by: release.fingerprint,
    outcome: "valid",
    ...overrides,
  } as SignatureFact;
}
