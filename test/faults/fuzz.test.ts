import assert from "node:assert/strict";
import fc from "fast-check";
import { actionReconciler } from "../../src/actions/index.ts";
import {
  type ClusterTrustPolicy,
  ClusterTrustPolicySpec,
  type ModelAction,
  clusterTrustPolicy,
  parseObject,
} from "../../src/api/index.ts";
import { type KubeObject, Store, createLogger } from "../../src/kube/index.ts";
import { policyReconciler, resolvePolicy, unreadablePolicy } from "../../src/trust/index.ts";
import { FakeClient } from "../support/fake-client.ts";
import { World, rejected, verified } from "../unit/serving/world.ts";
import { type Mutation, isMistake, mutated, mutation } from "./fuzz/mutations.ts";

const numRuns = Number(process.env["FAULTS_RUNS"] ?? 150);
const seed = process.env["FAULTS_SEED"];
const parameters = { numRuns, ...(seed === undefined ? {} : { seed: Number(seed) }) };

const context = { log: createLogger({ level: "silent" }), signal: new AbortController().signal, reconcileId: "test" };
const now = new Date("2026-03-01T13:00:00Z");

/** Resolves also where an error is told to whoever retries. */
async function withoutMistake(work: () => Promise<unknown>): Promise<void> {
  await work().catch((error: unknown) => assert.ok(!isMistake(error), error instanceof Error ? error.stack : ""));
}

const changes = fc.array(mutation, { minLength: 1, maxLength: 4 });
const all = (object: KubeObject, mutations: readonly Mutation[], parts = ["spec"]): KubeObject =>
  mutations.reduce((changed, one) => mutated(changed, parts, one), object);

describe(`reconcile functions with random objects (${numRuns} each)`, function () {
  this.timeout(1_200_000);

  /** What users write; what is of Kubernetes has been checked by it, and the rest is written by the operator alone. */
  const own = ["securemodels/shop/iris", "securenamespaces/shop"];

  it("SecureModel: no mistake, no grant without a verdict, no word in the spec", async () => {
    const served = await startingPoint();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat({ max: own.length - 1 }), mutation), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (mutations, isTrusted) => {
          const world = new World();
          for (const [key, object] of served) world.client.objects.set(key, structuredClone(object));
          const vouched = new Set<string>();
          world.verify = (request) => {
            const found = isTrusted ? verified(request) : rejected(request);
            if (isTrusted && found.verdict.digest !== undefined) vouched.add(found.verdict.digest);
            return found;
          };
          for (const [which, change] of mutations) {
            const key = [...world.client.objects.keys()].find((one) => one.startsWith(own[which] ?? ""));
            const object = key === undefined ? undefined : world.client.objects.get(key);
            if (key !== undefined && object !== undefined)
              world.client.objects.set(key, mutated(object, ["spec", "status"], change));
          }
          const before = structuredClone(world.client.objects);
          const granted = grantedIn(before);
          for (let pass = 0; pass < 4; pass += 1) {
            await withoutMistake(() => world.pass());
            world.kubernetes();
          }
          for (const digest of grantedIn(world.client.objects))
            assert.ok(granted.has(digest) || vouched.has(digest), `${digest} was granted without a verdict`);
          for (const key of ["securemodels/shop/iris", "securenamespaces/shop"])
            assert.equal(textOf(world.client.objects.get(key)), textOf(before.get(key)), `the spec of ${key}`);
        },
      ),
      parameters,
    );
  });

  it("ModelAction: no mistake, and no word in the spec", async () => {
    const action: ModelAction = {
      metadata: {
        name: "incident",
        namespace: "shop",
        uid: "a",
        generation: 1,
        creationTimestamp: "2026-03-01T12:00:00Z",
      },
      spec: {
        type: "BreakGlass",
        digest: `sha256:${"a".repeat(64)}`,
        reason: "the signing service is down",
        approver: "jane@example.com",
        notAfter: "2026-03-01T14:00:00Z",
      },
    };
    await fc.assert(
      fc.asyncProperty(changes, async (mutations) => {
        const object = all(action, mutations) as ModelAction;
        const client = new FakeClient();
        client.add("modelactions", object);
        const store = new Store<ModelAction>();
        store.put(structuredClone(object));
        const reconcile = actionReconciler({
          client,
          store,
          usedBy: () => [],
          events: { emit: () => undefined },
          now: () => now,
        });
        await withoutMistake(() => reconcile("shop/incident", context));
        assert.equal(textOf(client.objects.get("modelactions/shop/incident")), textOf(object));
      }),
      parameters,
    );
  });

  it("ClusterTrustPolicy: no mistake, and no word in the spec", async () => {
    const spec = ClusterTrustPolicySpec.parse({
      scope: { references: ["registry.example/**"] },
      authorities: [{ name: "team", key: { inline: "-----BEGIN PUBLIC KEY-----\nx" } }],
    });
    const policy: ClusterTrustPolicy = { metadata: { name: "release", uid: "p", generation: 3 }, spec };
    await fc.assert(
      fc.asyncProperty(changes, async (mutations) => {
        const object = all(policy, mutations) as ClusterTrustPolicy;
        const client = new FakeClient();
        client.add("clustertrustpolicies", object);
        const store = new Store<ClusterTrustPolicy>();
        store.put(structuredClone(object));
        const parsed = parseObject(clusterTrustPolicy, object);
        const reconcile = policyReconciler({
          client,
          store,
          resolved: () =>
            parsed.ok
              ? resolvePolicy(parsed.value, {
                  secret: () => undefined,
                  kmsKey: () => ({ state: "Unknown", problem: "no answer" }),
                })
              : unreadablePolicy("release", 3, parsed.message),
          dependents: () => 0,
          events: { emit: () => undefined },
          now: () => now,
        });
        await withoutMistake(() => reconcile("release", context));
        assert.equal(textOf(client.objects.get("clustertrustpolicies/release")), textOf(object));
      }),
      parameters,
    );
  });
});

/** What there is when a model serves. */
async function startingPoint(): Promise<ReadonlyMap<string, KubeObject>> {
  const world = new World();
  await world.settle();
  return world.client.objects;
}

function specOf(object: KubeObject | undefined): unknown {
  return (object as { readonly spec?: unknown } | undefined)?.spec;
}

function textOf(object: KubeObject | undefined): string | undefined {
  return JSON.stringify(specOf(object));
}

/** Of whatever form the grant is. */
function grantedIn(objects: ReadonlyMap<string, KubeObject>): ReadonlySet<string> {
  const spec = specOf(objects.get("admissiongrants/shop/mlsecops")) as
    { readonly digests?: unknown } | null | undefined;
  const { digests } = spec ?? {};
  return new Set(typeof digests === "object" && digests !== null ? Object.keys(digests) : []);
}
