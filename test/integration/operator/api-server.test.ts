import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { ObjectClient } from "../../../src/kube/index.ts";
import { connect, eventually } from "../kube/support.ts";
import { policies, type Lane } from "./support/lane.ts";
import { quiet, type OperatorProcess } from "./support/operator-process.ts";
import { SecondApiServer } from "./support/second-api-server.ts";
import { inParallel, reach, Stage } from "./support/stage.ts";

/** As much for the API server to find its rights again, and 5 s to act. */
const recoveryMs = 3_000 + 5_000;

describe("the operator, when its API server is killed", function () {
  this.timeout(180_000);
  const stage = new Stage();
  let server: SecondApiServer;
  let operator: OperatorProcess;
  let changed: Lane;
  let untouched: Lane;

  /** Until it answers as the operator would ask. */
  const back = async (): Promise<void> => {
    const transport = connect(await stage.rights(server.url), { maxAttempts: 1 });
    try {
      await eventually(() => new ObjectClient({ transport }).list(policies));
    } finally {
      transport.close();
    }
  };

  before(async () => {
    await stage.set();
    server = await SecondApiServer.start();
    await back();
    operator = await stage.operator({ server: server.url });
    [changed, untouched] = stage.lanes(2) as [Lane, Lane];
    await inParallel([changed, untouched], (lane) => lane.create());
    await reach([changed, untouched], (lane) => lane.serves("v1"), { operator, withinMs: 60_000 });
    await quiet(operator);
  });
  after(async () => {
    await operator.kill();
    await server.remove();
    await stage.strike();
  });

  it("lives on, does nothing that nobody asked for, and acts when it is back", async () => {
    const state = await untouched.state();
    await server.kill();
    await delay(1_000);
    await changed.trust(false);
    await delay(4_000);
    server.startAgain();
    await back();
    await reach([changed], (lane) => lane.quarantined(), { operator, withinMs: recoveryMs });
    assert.ok(operator.running);
    await quiet(operator);
    assert.deepEqual(await untouched.state(), state);
  });
});
