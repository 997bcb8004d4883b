import assert from "node:assert/strict";
import { contribute, emptyGrant } from "../../../src/admission/index.ts";
import type { VerdictStatus } from "../../../src/api/index.ts";
import type { CheckedImage } from "../../../src/isolation/granted-uses.ts";
import { enforcementFacts, farewellFacts, imageFacts, isolationFacts } from "../../../src/isolation/evidence.ts";

const digest = (n: number) => `sha256:${String(n).repeat(64)}`;
const owner = { kind: "SecureNamespace", name: "shop" } as const;
const notAfter = new Date("2036-01-01T00:00:00Z");

function image(name: string, verdict: Partial<VerdictStatus>): CheckedImage {
  return {
    image: { name, reference: `registry.example/${name}:1`, uses: ["container"] },
    verdict: { outcome: "Verified", reason: "Verified", message: "said", ...verdict },
    standing: verdict.outcome === "Rejected" ? "Quarantine" : "Admit",
    platformDigests: [digest(8)],
  };
}

describe("Rule 8: what is decided about a namespace leaves evidence", () => {
  it("of each allowed image, and of what the namespace itself has granted", () => {
    const uses = [
      { digest: digest(1), use: "container", notAfter },
      { digest: digest(1), use: "init", notAfter },
      { digest: digest(8), use: "container", notAfter },
    ] as const;
    const others = [{ digest: digest(3), use: "imageVolume", notAfter }] as const;
    const model = { kind: "SecureModel", name: "iris" } as const;
    const grant = contribute(contribute(emptyGrant, owner, { uses, revisions: {} }), model, {
      uses: others,
      revisions: {},
    });
    const images = [
      image("onnx", { digest: digest(1) }),
      image("bad", { outcome: "Rejected", reason: "NoSignature", digest: digest(2) }),
    ];
    const facts = imageFacts(images, grant, owner);
    assert.deepEqual(
      facts.map(({ part, decision }) => `${part} ${decision.type}`),
      ["image/onnx Verdict", "image/bad Verdict", "grant Grant"],
    );
    assert.deepEqual(facts[0]?.artifacts, [{ name: "registry.example/onnx", digest: digest(1) }]);
    const granted = facts[2]?.decision;
    assert.ok(granted?.type === "Grant");
    const end = notAfter.toISOString();
    assert.deepEqual(granted.digests, [
      { digest: digest(1), uses: ["container", "init"], notAfter: end },
      { digest: digest(8), uses: ["container"], notAfter: end },
    ]);
  });

  it("of a grant that is empty", () => {
    const [fact] = imageFacts([], emptyGrant, owner);
    assert.equal(fact?.decision.type, "Withdrawal");
    assert.equal(fact.ends, true);
  });

  it("of whether it is shut", () => {
    const condition = {
      type: "Enforced",
      status: "False",
      reason: "Audit",
      message: "nothing is refused",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    } as const;
    const [fact] = enforcementFacts("serving", { conditions: [condition] });
    assert.deepEqual(fact?.decision, {
      type: "Enforcement",
      enforced: false,
      profile: "serving",
      reason: "Audit",
      message: "nothing is refused",
    });
    assert.deepEqual(enforcementFacts("serving", {}), []);
  });

  it("of what comes in or out beyond the declaration", () => {
    const condition = {
      type: "Isolated",
      status: "False",
      reason: "PolicyWidens",
      message: "said",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    } as const;
    const example = (direction: "Ingress" | "Egress") => ({
      ...{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", name: "allow-all" },
      ...{ reason: "PolicyWidens", direction, allows: "everything", pods: { count: 0, examples: [] } },
    });
    const breaches = { count: 2, examples: [example("Ingress"), example("Egress")] };
    const [fact] = isolationFacts({ conditions: [condition], breaches });
    assert.deepEqual(fact?.decision, {
      type: "Isolation",
      isolated: "False",
      reason: "PolicyWidens",
      message: "said",
      breaches: 2,
      objects: ["NetworkPolicy/allow-all"],
    });
    assert.deepEqual(isolationFacts({}), []);
  });

  it("of its end, and of whether the door stays shut", () => {
    const types = (opens: boolean) => farewellFacts("serving", { opens }).map(({ decision }) => decision.type);
    assert.deepEqual(types(false), ["Withdrawal"]);
    assert.deepEqual(types(true), ["Withdrawal", "Enforcement"]);
  });
});
