import assert from "node:assert/strict";
import type { Condition, KubeObject } from "../../../src/kube/index.ts";
import { type Lane, modelName, models } from "./support/lane.ts";
import { type OperatorProcess, quiet } from "./support/operator-process.ts";
import { Stage, reach } from "./support/stage.ts";

interface Model extends KubeObject {
  readonly status?: { readonly conditions?: readonly Condition[]; readonly active?: { readonly digest?: string } };
}

describe("models in a namespace without a SecureNamespace", function () {
  this.timeout(300_000);
  const stage = new Stage();
  let operator: OperatorProcess;
  let lane: Lane;

  const modelOf = () => stage.installation.admin.get<Model>(models, { namespace: lane.name, name: modelName });
  const ready = async (): Promise<string> => {
    const condition = (await modelOf())?.status?.conditions?.find(({ type }) => type === "Ready");
    return `${condition?.status ?? "none"}/${condition?.reason ?? "none"}`;
  };
  const becomes = (wanted: string) =>
    reach([lane], async () => (await ready()) === wanted, { operator, withinMs: 90_000 });
  const servedDigest = async () => (await modelOf())?.status?.active?.digest;

  before(async () => {
    await stage.set();
    operator = await stage.operator();
    [lane] = stage.lanes(1) as [Lane];
  });
  after(async () => {
    await operator.kill();
    await stage.strike();
  });

  it("are not served, unless the administrator says so", async () => {
    await lane.createUnsecured();
    await becomes("False/NamespaceNotSecured");
    await quiet(operator);
    assert.ok(await lane.isCleared());
  });

  it("are verified and served there with --allow-unsecured-namespaces", async () => {
    await operator.kill();
    operator = await stage.operator({ args: ["--allow-unsecured-namespaces=true"] });
    await becomes("True/Serving");
    assert.equal(await servedDigest(), stage.artifacts.v1.split("@")[1]);
  });

  it("are ended there like everywhere when the key is revoked, and return with it", async () => {
    await lane.trust(false);
    await reach([lane], () => lane.quarantined(), { operator, withinMs: 90_000 });
    await lane.trust(true);
    await becomes("True/Serving");
  });

  it("are held once the administrator does not say so any more, and what runs goes on", async () => {
    await operator.kill();
    operator = await stage.operator();
    await becomes("False/NamespaceNotSecured");
    await quiet(operator);
    assert.equal(await servedDigest(), stage.artifacts.v1.split("@")[1]);
    assert.equal(await lane.isCleared(), false);
  });

  it("serve when the namespace gets its walls", async () => {
    await lane.secure();
    await reach([lane], () => lane.serves("v1"), { operator, withinMs: 90_000 });
  });
});
