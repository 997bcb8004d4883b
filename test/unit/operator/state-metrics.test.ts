import assert from "node:assert/strict";
import { Registry } from "prom-client";
import { countedBudget } from "../../../src/operator/recheck-metrics.ts";
import { type Seen, registerStateMetrics } from "../../../src/operator/state-metrics.ts";
import { unrenewedEnd } from "../../../src/operator/verdict-expiry.ts";
import type { VerdictStatus } from "../../../src/api/index.ts";
import type { ResolvedPolicy } from "../../../src/trust/index.ts";

const hourMs = 3_600_000;
const now = new Date("2030-01-01T00:00:00Z");
const inHours = (hours: number) => new Date(now.getTime() + hours * hourMs).toISOString();
const policy = (name: string, validForHours: number, more: object = {}) =>
  ({
    ...{ name, mode: "Enforce", authorities: [] },
    validity: { recheckAfterMs: hourMs, validForMs: validForHours * hourMs, onExpiry: "Quarantine", maxGraceMs: 0 },
    ...more,
  }) as unknown as ResolvedPolicy;

function verdict(more: Partial<VerdictStatus> = {}): VerdictStatus {
  return {
    ...{ outcome: "Verified", reason: "Verified", message: "", verifiedAt: inHours(0), notAfter: inHours(24) },
    policies: [{ name: "models", generation: 1 }],
    ...more,
  };
}

describe("a verdict that is not renewed", () => {
  const policies = new Map(
    [policy("models", 24), policy("watched", 1, { mode: "Warn" })].map((one) => [one.name, one]),
  );
  const end = (more: Partial<VerdictStatus>) =>
    unrenewedEnd(verdict(more), (name) => policies.get(name))?.toISOString();

  it("is one that nobody can find out, or that rests on what ends", () => {
    assert.equal(end({ outcome: "Indeterminate", reason: "RegistryUnavailable" }), inHours(24));
    assert.equal(end({ notAfter: inHours(5) }), inHours(5));
  });

  it("is none that its policies alone bound, however short", () => {
    assert.equal(end({}), undefined);
    assert.equal(end({ policies: [...(verdict().policies ?? []), { name: "watched", generation: 1 }] }), undefined);
  });

  it("is none that has no end, that a person allows, or whose policy is gone", () => {
    assert.equal(end({ outcome: "Rejected", notAfter: undefined }), undefined);
    assert.equal(
      end({ notAfter: inHours(1), exception: { action: "a", approver: "b", notAfter: inHours(1) } }),
      undefined,
    );
    assert.equal(end({ notAfter: inHours(1), policies: [{ name: "gone", generation: 1 }] }), undefined);
  });
});

describe("the metrics of how things stand", () => {
  function seen(more: Partial<Record<"actions" | "models" | "namespaces" | "policies", readonly object[]>>): Seen {
    const list = (objects: readonly object[] = []) => ({ store: { list: () => objects } });
    return {
      informers: {
        ...{ actions: list(more.actions), models: list(more.models) },
        ...{ namespaces: list(more.namespaces), policies: list(more.policies) },
      } as unknown as Seen["informers"],
      trust: { policies: () => [policy("models", 24)] },
      guardProblems: () => ["one is missing"],
      now: () => now,
    };
  }

  async function lines(what: Seen): Promise<readonly string[]> {
    const registry = new Registry();
    registerStateMetrics(registry, what);
    // Twice: nothing of the first time is left in the second.
    await registry.metrics();
    return (await registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  }

  it("count objects, and name none", async () => {
    const conditions = (reason: string) => [{ type: "Ready", status: "False", reason, message: "m" }];
    const text = await lines(
      seen({
        policies: [{ status: { conditions: conditions("KeysUnusable") } }, {}],
        models: [
          {
            status: {
              quarantine: { since: inHours(0) },
              rollback: {},
              latch: {},
              conditions: conditions("SignerDenied"),
            },
          },
          { status: { conditions: conditions("SignerDenied"), verdict: verdict({ notAfter: inHours(3) }) } },
        ],
        namespaces: [
          {
            spec: { enforcement: "Enforce" },
            status: { ungrantedPods: { count: 2 }, images: [{ verdict: verdict({ reason: "BreakGlass" }) }] },
          },
          { spec: { enforcement: "Enforce" }, status: { ungrantedPods: { count: 1 }, breaches: { count: 2 } } },
        ],
      }),
    );
    assert.deepEqual(text, [
      'mlsecops_conditions{kind="ClusterTrustPolicy",type="Ready",status="False",reason="KeysUnusable"} 1',
      'mlsecops_conditions{kind="SecureModel",type="Ready",status="False",reason="SignerDenied"} 2',
      'mlsecops_verdicts{kind="SecureModel",outcome="None"} 1',
      'mlsecops_verdicts{kind="SecureModel",outcome="Verified"} 1',
      'mlsecops_verdicts{kind="AllowedImage",outcome="BreakGlass"} 1',
      `mlsecops_verdict_earliest_expiry_timestamp_seconds ${Date.parse(inHours(3)) / 1000}`,
      'mlsecops_trust_policies{freshness="Fresh"} 1',
      'mlsecops_trust_policies{freshness="ExpiresSoon"} 0',
      'mlsecops_trust_policies{freshness="Expired"} 0',
      "mlsecops_trust_earliest_expiry_timestamp_seconds 0",
      "mlsecops_break_glass_active 0",
      "mlsecops_models_quarantined 1",
      "mlsecops_models_rolled_back 1",
      "mlsecops_models_latched 1",
      'mlsecops_ungranted_pods{enforcement="Audit"} 0',
      'mlsecops_ungranted_pods{enforcement="Enforce"} 3',
      "mlsecops_namespace_breaches 2",
      "mlsecops_admission_policy_problems 1",
    ]);
  });
});

describe("the budget of rechecks", () => {
  it("counts what it hands out and what waits", async () => {
    const registry = new Registry();
    const answers = [true, false, false];
    const budget = countedBudget(registry, { tryTake: () => answers.shift() ?? false });
    assert.deepEqual([budget.tryTake(), budget.tryTake(), budget.tryTake()], [true, false, false]);
    const text = await registry.metrics();
    assert.match(text, /^mlsecops_rechecks_total\{result="asked"\} 1$/m);
    assert.match(text, /^mlsecops_rechecks_total\{result="postponed"\} 2$/m);
  });
});
