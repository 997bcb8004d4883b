import assert from "node:assert/strict";
import { type ContentFacts, DEFAULT_RULES, type FileFacts } from "../../../src/formats/index.ts";
import { decideVerdict, type DecisionInput, policyFingerprint } from "../../../src/trust/index.ts";
import { artifact, fact, now, policy } from "./support/build.ts";

function file(overrides: Partial<FileFacts> = {}): FileFacts {
  return { path: "model.onnx", size: 10, format: "onnx", findings: [], types: [], external: [], ...overrides };
}

function layer(...files: readonly FileFacts[]): ContentFacts {
  return { state: "Complete", bytes: 10, files, findings: [] };
}

function decide(content: readonly ContentFacts[] | undefined, overrides: Partial<DecisionInput> = {}) {
  const { outcome, reason, message, warnings } = decideVerdict({
    artifact: artifact({ content }),
    namespace: "prod",
    use: "Model",
    policies: [policy()],
    required: [],
    signatureFacts: [fact()],
    now,
    ...overrides,
  });
  return { said: `${outcome}/${reason}`, message, warnings };
}

const pickle = layer(file({ path: "model.pkl", format: "pickle", types: ["sklearn.svm._classes.SVC"] }));
const trusting = policy({
  formats: { ...DEFAULT_RULES, allowPickle: true, trustedTypes: ["sklearn.svm._classes.SVC"] },
});

describe("what is in a model", () => {
  it("lets in what holds data only", () => assert.equal(decide([layer(file())]).said, "Verified/Verified"));

  it("refuses a pickle, and names what loading it would import", () => {
    const { said, message } = decide([pickle]);
    assert.equal(said, "Rejected/PickleNotAllowed");
    assert.match(message, /policy signed refuses what is in the model: model\.pkl .*sklearn\.svm\._classes\.SVC/);
  });

  it("lets a pickle in where every type is trusted, and by every policy", () => {
    assert.equal(decide([pickle], { policies: [trusting] }).said, "Verified/Verified");
    assert.equal(decide([pickle], { policies: [trusting, policy({ name: "zz" })] }).said, "Rejected/PickleNotAllowed");
  });

  it("is not looked at in an image", () => {
    assert.equal(decide([pickle], { use: "Image" }).said, "Verified/Verified");
    assert.equal(decide(undefined, { use: "Image" }).said, "Verified/Verified");
  });

  it("refuses what could not be looked through to its end", () => {
    for (const reason of ["TimedOut", "OutOfMemory", "Crashed", "Unsupported"] as const)
      assert.equal(decide([{ state: "Incomplete", reason, detail: "…" }]).said, "Rejected/ScanIncomplete");
  });

  it("decides nothing where nobody could begin to look", () => {
    for (const reason of ["Cancelled", "CannotStart", "InputFailed"] as const)
      assert.equal(decide([{ state: "Incomplete", reason, detail: "…" }]).said, "Indeterminate/VerifierUnavailable");
  });

  it("refuses a model in which nothing was found", () => {
    assert.equal(decide([]).said, "Rejected/NothingScanned");
    assert.equal(decide([layer()]).said, "Rejected/NothingScanned");
  });

  it("decides nothing while it has not been read", () => {
    assert.equal(decide(undefined).said, "Indeterminate/VerifierUnavailable");
  });

  it("refuses what is too large to be read", () => {
    const large = artifact({ layers: { state: "NotChecked" } });
    assert.equal(decide(undefined, { artifact: large }).said, "Rejected/LimitExceeded");
  });

  it("matters only once somebody vouches", () => {
    assert.equal(decide([pickle], { signatureFacts: [fact({ outcome: "invalid" })] }).said, "Rejected/UntrustedSigner");
  });

  it("is a warning of a Warn policy", () => {
    const watch = policy({ name: "watch", mode: "Warn" });
    const { said, warnings } = decide([pickle], { policies: [trusting, watch] });
    assert.equal(said, "Verified/Verified");
    assert.match(warnings[0] ?? "", /policy watch is in mode Warn.*PickleNotAllowed/);
  });

  it("is part of what a verdict rests on", () => {
    assert.notEqual(policyFingerprint(policy()), policyFingerprint(trusting));
  });
});
