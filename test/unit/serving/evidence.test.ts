import assert from "node:assert/strict";
import type { EvidenceDecision } from "../../../src/api/index.ts";
import type { EvidenceSink, Fact } from "../../../src/governance/index.ts";
import { KubeError } from "../../../src/kube/index.ts";
import { World, digest, rejected, unavailable, verified } from "./world.ts";

/** What would be recorded: of each part what differs from before. */
class Evidence implements EvidenceSink {
  readonly decisions: EvidenceDecision[] = [];
  readonly #last = new Map<string, string>();

  record(_object: unknown, facts: () => readonly Fact[]): void {
    for (const { part, decision, ends } of facts()) {
      const { message: _message, ...kept } = { message: "", ...decision };
      const text = JSON.stringify(kept);
      if (this.#last.get(part) === text || (ends === true && !this.#last.has(part))) continue;
      this.#last.set(part, text);
      this.decisions.push(decision);
    }
  }

  head(uid: string) {
    const { length } = this.decisions;
    if (uid !== "m1" || length === 0) return undefined;
    return { sequence: length - 1, head: digest(length % 10), recordedAt: "2026-01-01T00:00:00.000Z" };
  }

  take(): string[] {
    return this.decisions.splice(0).map((decision) => {
      if (decision.type === "Verdict") return `${decision.type} ${decision.outcome}`;
      if (decision.type === "Grant")
        return `${decision.type} ${decision.digests.map((one) => one.digest[7]).join(" ")}`;
      return "reason" in decision ? `${decision.type} ${decision.reason}` : decision.type;
    });
  }
}

async function serving(): Promise<{ world: World; evidence: Evidence }> {
  const world = new World();
  const evidence = new Evidence();
  world.evidence = evidence;
  await world.settle();
  return { world, evidence };
}

describe("Rule 8: what is decided about a model leaves evidence", () => {
  it("of its verdict and its grant", async () => {
    const { evidence } = await serving();
    const [grant, verdict] = [...evidence.decisions].sort((a, b) => (a.type < b.type ? -1 : 1));
    assert.ok(verdict?.type === "Verdict" && grant?.type === "Grant");
    assert.equal(verdict.reference, "registry.example/models/iris:v1");
    assert.equal(verdict.digest, digest(1));
    assert.deepEqual(verdict.policies, [{ name: "release", generation: 1 }]);
    assert.deepEqual(
      verdict.signers?.map(({ authority }) => authority),
      ["team"],
    );
    assert.deepEqual(grant.digests, [{ digest: digest(1), uses: ["imageVolume"], notAfter: verdict.notAfter }]);
    assert.deepEqual(evidence.take(), ["Verdict Verified", "Grant 1"]);
  });

  it("of a quarantine: the verdict, and what follows from it", async () => {
    const { world, evidence } = await serving();
    evidence.take();
    world.verify = rejected;
    await world.settle();
    assert.deepEqual(evidence.take(), ["Verdict Rejected", "Withdrawal NoAuthorities", "Quarantine NoAuthorities"]);
    world.verify = verified;
    await world.settle();
    assert.deepEqual(evidence.take(), ["Verdict Verified", "Grant 1", "Release"]);
  });

  it("of a quarantine once, though somebody else wrote the status a moment before", async () => {
    const { world, evidence } = await serving();
    evidence.take();
    world.verify = rejected;
    let conflicts = 0;
    world.client.onWrite = (when, line) => {
      if (when !== "before" || !line.startsWith("apply status securemodels") || conflicts > 0) return;
      conflicts += 1;
      throw new KubeError("Conflict", "the object was changed");
    };
    await world.settle();
    assert.equal(conflicts, 1);
    assert.ok(world.model().status?.quarantine !== undefined);
    assert.deepEqual(evidence.take(), ["Verdict Rejected", "Withdrawal NoAuthorities", "Quarantine NoAuthorities"]);
  });

  it("of a new version, while and after it takes the place of the old one", async () => {
    const { world, evidence } = await serving();
    evidence.take();
    world.edit((spec) => ({
      ...spec,
      source: { ...spec.source, oci: { reference: "registry.example/models/iris:v2" } },
    }));
    await world.settle();
    assert.deepEqual(evidence.take(), ["Verdict Verified", "Grant 1 2", "Verdict Verified", "Grant 2"]);
  });

  it("of a refusal that no verdict is the reason of", async () => {
    const world = new World();
    const evidence = new Evidence();
    world.evidence = evidence;
    world.guardProblems = ["policy mlsecops-pods is missing"];
    await world.settle();
    assert.deepEqual(evidence.take(), ["Verdict Verified", "Refusal PoliciesChanged"]);
    world.guardProblems = [];
    await world.settle();
    assert.deepEqual(evidence.take(), ["Grant 1", "Admission"]);
  });

  it("of what could not be found out", async () => {
    const { world, evidence } = await serving();
    evidence.take();
    world.verify = unavailable;
    await world.settle();
    assert.deepEqual(evidence.take(), ["Verdict Indeterminate"]);
  });

  it("of a spec that cannot be read, and of its end", async () => {
    const { world, evidence } = await serving();
    evidence.take();
    world.edit(() => ({}) as never);
    await world.settle();
    assert.deepEqual(evidence.take(), ["Refusal InvalidSpec"]);
    const model = world.model();
    const metadata = { ...model.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" };
    world.client.add("securemodels", { ...model, metadata });
    await world.pass();
    assert.deepEqual(evidence.take(), ["Withdrawal Deleted"]);
  });

  it("whose head stands in the status, and is no reason to write it", async () => {
    const { world, evidence } = await serving();
    assert.ok(world.model().status?.evidence !== undefined);
    const before = world.model().status?.evidence;
    // Recorded since the status was written.
    evidence.record({}, () => [{ part: "gap", decision: { type: "Release" }, artifacts: [] }]);
    await world.clock.advance(60_000);
    await world.pass();
    assert.deepEqual(world.client.writes, []);
    assert.deepEqual(world.model().status?.evidence, before);
    world.verify = rejected;
    await world.settle();
    assert.notDeepEqual(world.model().status?.evidence, before);
  });
});
