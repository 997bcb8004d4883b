import assert from "node:assert/strict";
import fc from "fast-check";
import type { ModelRevision, SecureModel } from "../../../src/api/index.ts";
import { type Fleet, fleetOf } from "../../../src/serving/fleet.ts";
import type { DeploymentObject } from "../../../src/serving/index.ts";
import { podsOf } from "../../../src/serving/stages.ts";

type Type = SecureModel["spec"]["strategy"]["type"];

const model = (type: Type, replicas = 4) =>
  ({ metadata: { name: "iris", uid: "m1" }, spec: { replicas, strategy: { type } } }) as unknown as SecureModel;
const revision = (name: string, kind?: "InferenceService") =>
  ({ metadata: { name }, spec: { serving: { kind } } }) as unknown as ModelRevision;
const [a, b, c] = [revision("iris-a"), revision("iris-b"), revision("iris-c")];

function deployment(name: string, runs: ModelRevision, available: number): DeploymentObject {
  const metadata = { name, generation: 1 };
  return {
    metadata,
    ...(runs.spec.serving.kind === undefined ? {} : { kserve: { applied: { metadata }, made: [] } }),
    spec: { template: { metadata: { labels: { "mlsecops.io/revision": runs.metadata.name } } } },
    status: { observedGeneration: 1, updatedReplicas: available, availableReplicas: available },
  };
}

/** In one line: Deployments with their revision and pods, who answers, what goes. */
function said({ workloads, answers = "all", surplus }: Fleet): string {
  const wanted = workloads.map(({ name, revision, replicas }) => `${name}=${revision.metadata.name}*${replicas}`);
  const goes = surplus.map(({ metadata }) => ` -${metadata.name}`).join("");
  return `${wanted.join(" ")} by ${answers}${goes}`;
}

interface Row {
  readonly what: string;
  readonly type: Type;
  readonly deployments: readonly DeploymentObject[];
  readonly run: ModelRevision;
  readonly serving?: ModelRevision;
  readonly dropped?: ModelRevision;
  readonly weight?: number;
  readonly wanted: string;
}

const k = revision("iris-k", "InferenceService");

const table: readonly Row[] = [
  {
    what: "an InferenceService of the name of the Deployment that serves: nobody is led to it before all of it answers",
    type: "RollingUpdate",
    deployments: [deployment("iris", a, 4), deployment("iris", k, 3)],
    run: k,
    serving: a,
    wanted: "iris=iris-k*4 iris=iris-a*4 by iris-a",
  },
  {
    what: "an InferenceService that has taken over from a Deployment",
    type: "RollingUpdate",
    deployments: [deployment("iris", a, 4), deployment("iris", k, 4)],
    run: k,
    serving: a,
    wanted: "iris=iris-k*4 by iris-k -iris",
  },
  {
    what: "an InferenceService for which the Deployment has to make way first",
    type: "Recreate",
    deployments: [deployment("iris", a, 4)],
    run: k,
    serving: a,
    wanted: "iris=iris-k*4 by all -iris",
  },
  { what: "the first revision", type: "Canary", deployments: [], run: a, wanted: "iris=iris-a*4 by all" },
  {
    what: "a rolling update within the one Deployment",
    type: "RollingUpdate",
    deployments: [deployment("iris", a, 4)],
    run: b,
    serving: a,
    wanted: "iris=iris-b*4 by all",
  },
  {
    what: "a canary that is about to begin: nobody is led to it by chance",
    type: "Canary",
    deployments: [deployment("iris", a, 4)],
    run: b,
    serving: a,
    weight: 25,
    wanted: "iris-b=iris-b*1 iris=iris-a*4 by all",
  },
  {
    what: "a canary whose pod answers: what serves gives up one",
    type: "Canary",
    deployments: [deployment("iris", a, 4), deployment("iris-b", b, 1)],
    run: b,
    serving: a,
    weight: 25,
    wanted: "iris-b=iris-b*1 iris=iris-a*3 by all",
  },
  {
    what: "a canary that takes over, and what serves keeps its pods until others answer",
    type: "Canary",
    deployments: [deployment("iris", a, 2), deployment("iris-b", b, 2)],
    run: b,
    serving: a,
    weight: 100,
    wanted: "iris-b=iris-b*4 iris=iris-a*2 by all",
  },
  {
    what: "a canary that has taken over",
    type: "Canary",
    deployments: [deployment("iris", a, 1), deployment("iris-b", b, 4)],
    run: b,
    serving: a,
    weight: 100,
    wanted: "iris-b=iris-b*4 by iris-b -iris",
  },
  {
    what: "a blue-green pair before the switch",
    type: "BlueGreen",
    deployments: [deployment("iris", a, 4), deployment("iris-b", b, 4)],
    run: b,
    serving: a,
    weight: 0,
    wanted: "iris-b=iris-b*4 iris=iris-a*4 by iris-a",
  },
  {
    what: "a canary that failed: back at once",
    type: "Canary",
    deployments: [deployment("iris", a, 3), deployment("iris-b", b, 1)],
    run: a,
    serving: a,
    wanted: "iris=iris-a*4 by iris-a -iris-b",
  },
  {
    what: "a rollback after the switch: what is unhealthy answers until the other one does",
    type: "BlueGreen",
    deployments: [deployment("iris-b", b, 4)],
    run: a,
    serving: b,
    wanted: "iris-a=iris-a*4 iris-b=iris-b*4 by iris-b",
  },
  {
    what: "another revision before the one that came has taken over",
    type: "Canary",
    deployments: [deployment("iris", a, 3), deployment("iris-b", b, 1)],
    run: c,
    serving: a,
    weight: 25,
    wanted: "iris-c=iris-c*1 iris=iris-a*4 by all -iris-b",
  },
  {
    what: "another revision, while what serves does not have its pods back from the one that came",
    type: "Canary",
    deployments: [deployment("iris", a, 1), deployment("iris-b", b, 3)],
    run: c,
    serving: a,
    dropped: b,
    weight: 25,
    wanted: "iris-c=iris-c*1 iris=iris-a*4 by all",
  },
  {
    what: "a canary that begins anew with more pods than its share: it gives up none before others answer",
    type: "Canary",
    deployments: [deployment("iris", a, 2), deployment("iris-b", b, 3)],
    run: b,
    serving: a,
    weight: 25,
    wanted: "iris-b=iris-b*2 iris=iris-a*3 by all",
  },
  {
    what: "another revision that is to answer nobody yet: nobody can be led to the one that came either",
    type: "BlueGreen",
    deployments: [deployment("iris", a, 1), deployment("iris-b", b, 3)],
    run: c,
    serving: a,
    dropped: b,
    weight: 0,
    wanted: "iris-c=iris-c*4 iris=iris-a*4 by iris-a -iris-b",
  },
  {
    what: "what serves, asked for again while it does not have its pods back",
    type: "Canary",
    deployments: [deployment("iris", a, 1), deployment("iris-b", b, 3), deployment("iris-c", c, 1)],
    run: a,
    serving: a,
    dropped: b,
    wanted: "iris=iris-a*4 by all -iris-c",
  },
  {
    what: "a model whose strategy has no stages any more",
    type: "RollingUpdate",
    deployments: [deployment("iris-b", b, 4)],
    run: c,
    serving: b,
    wanted: "iris=iris-c*4 iris-b=iris-b*4 by iris-b",
  },
  {
    what: "what has taken over, alone",
    type: "BlueGreen",
    deployments: [deployment("iris-b", b, 4)],
    run: b,
    serving: b,
    wanted: "iris-b=iris-b*4 by all",
  },
];

describe("the Deployments of a model", () => {
  for (const { what, type, deployments, run, serving, dropped, weight = 100, wanted } of table)
    it(`are right for ${what}`, () => {
      const until = weight === 100 && what.includes("takes over") ? 50 : weight === 100 ? 0 : weight;
      assert.equal(said(fleetOf({ model: model(type), deployments, run, serving, dropped, weight, until })), wanted);
    });

  it("always leave as many pods answering as are asked for, whatever the weight", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 99 }),
        fc.nat(50),
        (replicas, weight, up) => {
          const answering = Math.min(up, podsOf(replicas, weight));
          const deployments = [deployment("iris", a, replicas), deployment("iris-b", b, answering)];
          const fleet = fleetOf({
            model: model("Canary", replicas),
            deployments,
            run: b,
            serving: a,
            weight,
            until: weight,
          });
          const kept = fleet.workloads.find(({ name }) => name === "iris")?.replicas ?? 0;
          assert.ok(kept + answering >= replicas);
          assert.ok(kept >= 1);
        },
      ),
    );
  });

  it("has a pod at least for each of two that share", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 1_000 }), fc.integer({ min: 1, max: 99 }), (replicas, weight) => {
        const comes = podsOf(replicas, weight);
        assert.ok(comes >= 1 && comes < replicas);
        assert.ok(Math.abs(comes - (replicas * weight) / 100) <= 1);
      }),
    );
  });
});
