import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { FaultProxy, ProxiedRequest } from "../../support/fault-proxy.ts";
import type { Lane } from "./support/lane.ts";
import { quiet, type OperatorProcess } from "./support/operator-process.ts";
import { inParallel, reach, Stage } from "./support/stage.ts";

const faultMs = 10_000;
const actMs = 5_000;

interface Fault {
  readonly name: string;
  /** Returns what ends it. */
  readonly begin: (proxy: FaultProxy) => () => void;
}

const isWatch = ({ isWatch: watch }: ProxiedRequest): boolean => watch;
/** Every watch ends at once, and is answered like this when it is tried again. */
function answered(status: number, headers: Readonly<Record<string, string>> = {}): Fault["begin"] {
  return (proxy) => {
    const body = JSON.stringify({ kind: "Status", code: status, reason: status === 410 ? "Expired" : "", message: "" });
    const end = proxy.answer(isWatch, { status, headers, body }, Infinity);
    proxy.cut();
    return end;
  };
}

const faults: readonly Fault[] = [
  {
    name: "broken connections",
    begin: (proxy) => {
      const timer = setInterval(() => proxy.cut(), 200);
      return () => clearInterval(timer);
    },
  },
  {
    name: "a network that delivers nothing",
    begin: (proxy) => {
      proxy.freeze();
      return () => proxy.thaw();
    },
  },
  { name: "410 Gone", begin: answered(410) },
  { name: "429 Too Many Requests", begin: answered(429, { "retry-after": "1" }) },
  { name: "500 Internal Server Error", begin: answered(500) },
];

describe("the operator, when its watches fail", function () {
  this.timeout(120_000);
  const stage = new Stage();
  let operator: OperatorProcess;
  let lanes: Lane[] = [];

  before(async () => {
    await stage.set();
    operator = await stage.operator();
    lanes = stage.lanes(faults.length);
    await inParallel(lanes, (lane) => lane.create());
    await reach(lanes, (lane) => lane.serves("v1"), { operator, withinMs: 90_000 });
    await quiet(operator);
  });
  after(async () => {
    await operator.kill();
    await stage.strike();
  });

  faults.forEach(({ name, begin }, index) => {
    it(`quarantines at most ${actMs / 1000} s after ${faultMs / 1000} s of ${name}`, async () => {
      const lane = lanes[index];
      assert.ok(lane !== undefined);
      const end = begin(operator.proxy);
      try {
        await delay(faultMs / 4);
        await lane.trust(false);
        await delay((faultMs * 3) / 4);
      } finally {
        end();
      }
      await reach([lane], () => lane.quarantined(), { operator, withinMs: actMs });
      assert.ok(operator.running);
      // Nobody else is worse off.
      await reach(lanes.slice(index + 1), (other) => other.serves("v1"), { operator, withinMs: 0 });
    });
  });
});
