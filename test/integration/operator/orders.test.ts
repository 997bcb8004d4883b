import assert from "node:assert/strict";
import type { ModelAction, SecureModel } from "../../../src/api/index.ts";
import { must } from "../admission/support.ts";
import { product } from "./support/installation.ts";
import { type Lane, modelName, models } from "./support/lane.ts";
import type { OperatorProcess } from "./support/operator-process.ts";
import { Stage, inParallel, reach } from "./support/stage.ts";

const actions = product("modelactions", "ModelAction", true);

describe("the operator, when people order something", function () {
  this.timeout(300_000);
  const stage = new Stage();
  let operator: OperatorProcess;
  let lanes: readonly Lane[] = [];

  const modelOf = async (lane: Lane): Promise<SecureModel> => {
    const found = await stage.installation.admin.get<SecureModel>(models, { namespace: lane.name, name: modelName });
    assert.ok(found);
    return found;
  };
  const ready = async (lane: Lane): Promise<string> => {
    const found = (await modelOf(lane)).status?.conditions?.find(({ type }) => type === "Ready");
    return `${found?.status ?? "none"}/${found?.reason ?? "none"}`;
  };
  const becomes = (lane: Lane, wanted: string) =>
    reach([lane], async () => (await ready(lane)) === wanted, { operator, withinMs: 90_000 });
  const change = (lane: Lane, spec: object): Promise<unknown> => {
    const object = {
      ...{ apiVersion: "mlsecops.io/v1alpha1", kind: models.kind },
      metadata: { namespace: lane.name, name: modelName },
      spec,
    };
    return stage.installation.admin.apply(models, object, { fieldManager: "watcher" });
  };
  /** As that user, whatever RBAC says of them. */
  const order = (lane: Lane, as: string, spec: object): Promise<string> =>
    must(["create", "-f", "-", "--as-group=system:masters"], {
      as,
      input: {
        ...{ apiVersion: "mlsecops.io/v1alpha1", kind: "ModelAction" },
        metadata: { namespace: lane.name, generateName: "order-" },
        spec: { model: modelName, requestedBy: as, reason: "INC-4711, we looked into it", ...spec },
      },
    });

  before(async () => {
    await stage.set();
    operator = await stage.operator();
    lanes = stage.lanes(2);
    await inParallel(lanes, async (lane) => {
      await lane.create();
      await reach([lane], () => lane.serves("v1"), { operator, withinMs: 90_000 });
    });
  });
  after(async () => {
    await operator.kill();
    await stage.strike();
  });

  it("Bad input: of two users who promote and ban at once one is obeyed, and both are told", async () => {
    const [lane] = lanes as [Lane];
    await lane.serve("v2");
    await reach([lane], () => lane.serves("v2"), { operator, withinMs: 90_000 });
    const revision = (await modelOf(lane)).status?.active?.revision;
    await Promise.all([
      order(lane, "jane", { type: "Ban", revision }),
      order(lane, "bob", { type: "Promote", revision }),
    ]);
    const living = () => stage.installation.admin.list<ModelAction>(actions, { namespace: lane.name });
    const reasonOf = ({ status }: ModelAction) => status?.conditions?.find(({ type }) => type === "Ready")?.reason;
    const areTold = async () => (await living()).map(reasonOf).toSorted().join() === "InForce,Overruled";
    await reach([lane], areTold, { operator, withinMs: 60_000 });
    const obeyed = (await living()).find((one) => reasonOf(one) === "InForce");
    if (obeyed?.spec.type === "Ban") await reach([lane], () => lane.rolledBackTo("v1"), { operator, withinMs: 90_000 });
    else await reach([lane], () => lane.serves("v2"), { operator, withinMs: 90_000 });
    console.log(`      ${obeyed?.spec.type ?? "none"} was obeyed`);
  });

  it("starts nothing new after repeated rollbacks, until a person has looked", async () => {
    const lane = lanes[1] as Lane;
    await change(lane, { rollback: { latchAfter: 1 } });
    await lane.serve("v2");
    await reach([lane], () => lane.serves("v2"), { operator, withinMs: 90_000 });
    await lane.fail();
    await reach([lane], () => lane.rolledBackTo("v1"), { operator, withinMs: 90_000 });
    assert.equal((await modelOf(lane)).status?.latch?.reason, "RepeatedRollbacks");
    // Another revision of the same digest.
    await change(lane, { rollback: { latchAfter: 1 }, workload: { managed: { port: 9090 } } });
    await becomes(lane, "False/Latched");
    assert.match(
      (await modelOf(lane)).status?.conditions?.find(({ type }) => type === "Ready")?.message ?? "",
      /mlsecops resume smodel\/iris -n \S+ --reason "…": rollbacks within 24 h: 1 \(latchAfter is 1\)/,
    );
    await order(lane, "jane", { type: "Resume" });
    await reach([lane], () => lane.serves("v2"), { operator, withinMs: 90_000 });
    assert.equal((await modelOf(lane)).status?.latch, undefined);
  });
});
