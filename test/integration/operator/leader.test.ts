import assert from "node:assert/strict";
import type { ProxiedWrite } from "../../support/fault-proxy.ts";
import { until } from "../kube/support.ts";
import type { Lane } from "./support/lane.ts";
import { quiet, type OperatorProcess } from "./support/operator-process.ts";
import { inParallel, reach, Stage } from "./support/stage.ts";

/** How long the others wait for a leader that is silent, and how long one needs to act then. */
const handOverMs = 15_000 + 5_000;

describe("two operators, of which one leads", function () {
  this.timeout(120_000);
  const stage = new Stage();
  const operators: OperatorProcess[] = [];
  let killed: Lane;
  let paused: Lane[] = [];

  /** Knows everything, and waits. */
  const standby = async (): Promise<OperatorProcess> => {
    const operator = await stage.operator({ leaderElect: true });
    operators.push(operator);
    await until(() => operator.proxy.requests.some(({ url, isWatch }) => isWatch && url.includes("/securemodels")));
    return operator;
  };

  before(async () => {
    await stage.set();
    const leader = await standby();
    await standby();
    const lanes = stage.lanes(5);
    [killed, ...paused] = lanes as [Lane, ...Lane[]];
    await inParallel(lanes, (lane) => lane.create());
    await reach(lanes, (lane) => lane.serves("v1"), { operator: leader, withinMs: 90_000 });
    await quiet(leader);
  });
  after(async () => {
    for (const operator of operators) await operator.kill();
    await stage.strike();
  });

  it("hands over when the leader is killed", async () => {
    const [leader, heir] = operators as [OperatorProcess, OperatorProcess];
    assert.deepEqual(heir.proxy.writes.filter(isWork), [], "the one that waits does not write");
    leader.signal("SIGKILL");
    await leader.ended();
    await killed.trust(false);
    await until(() => heir.proxy.writes.some(isWork), handOverMs);
    await reach([killed], (lane) => lane.quarantined(), { operator: heir });
  });

  it("writes nothing more as a leader that was paused until another one led", async () => {
    const leader = operators[1] as OperatorProcess;
    const heir = await standby();
    // It is stopped in the middle of its work.
    const before = leader.proxy.writes.filter(isWork).length;
    await inParallel(paused, (lane) => lane.trust(false));
    await until(() => leader.proxy.writes.filter(isWork).length > before);
    leader.signal("SIGSTOP");
    await until(() => heir.proxy.writes.some(isWork), handOverMs);
    await reach(paused, (lane) => lane.quarantined(), { operator: heir });

    const written = leader.proxy.writes.length;
    leader.signal("SIGCONT");
    await leader.ended();
    assert.deepEqual(leader.proxy.writes.slice(written).filter(isWork), []);
    await reach(paused, (lane) => lane.quarantined(), { operator: heir, withinMs: 0 });
  });
});

/** The lease is asked for by those who do not lead, too. */
function isWork({ url }: ProxiedWrite): boolean {
  return !url.includes("/leases");
}
