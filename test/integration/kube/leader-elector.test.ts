import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import {
  Informer,
  LeaderElector,
  ObjectClient,
  systemClock,
  type KubeObject,
  type ResourceType,
  type Transport,
} from "../../../src/kube/index.ts";
import { FaultProxy } from "../../support/fault-proxy.ts";
import { leaderTimings } from "./leader-timings.ts";
import {
  configMaps,
  connect,
  loadKubeConfig,
  randomName,
  silentLog,
  TestNamespace,
  until,
  type ConfigMap,
} from "./support.ts";

interface Lease extends KubeObject {
  spec?: { holderIdentity?: string; leaseTransitions?: number };
}

const leases: ResourceType = {
  group: "coordination.k8s.io",
  version: "v1",
  kind: "Lease",
  plural: "leases",
  namespaced: true,
};

interface Candidate {
  readonly elector: LeaderElector;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
  startedAt?: number;
  stoppedAt?: number;
}

describe("leader election on a real API server", function () {
  this.timeout(90_000);
  const space = new TestNamespace();
  const { client } = space;
  let candidates: Candidate[] = [];
  let child: ChildProcess | undefined;
  let proxy: FaultProxy;
  let proxied: Transport;

  before(async () => {
    await space.create();
    proxy = await FaultProxy.start(loadKubeConfig());
    proxied = connect(proxy.kubeConfig());
  });
  afterEach(async () => {
    proxy.resume();
    for (const { stop } of candidates) stop.abort();
    await Promise.all(candidates.map(({ ended }) => ended));
    candidates = [];
    child?.kill("SIGKILL");
    child = undefined;
  });
  after(async () => {
    proxied.close();
    await proxy.close();
    await space.remove();
  });

  const join = (name: string, identity: string, through = client): Candidate => {
    const stop = new AbortController();
    const elector = new LeaderElector({
      client: through,
      namespace: space.name,
      name,
      identity,
      clock: systemClock,
      log: silentLog(),
      ...leaderTimings,
    });
    const ended = elector.run(
      {
        onStarted: () => void (candidate.startedAt = performance.now()),
        onStopped: () => void (candidate.stoppedAt = performance.now()),
      },
      stop.signal,
    );
    const candidate: Candidate = { elector, stop, ended };
    candidates.push(candidate);
    return candidate;
  };

  it("hands over at once when the leader stops", async () => {
    const name = randomName("lock");
    const a = join(name, "a");
    await until(() => a.elector.isLeader());
    const b = join(name, "b");
    await new Promise((resolve) => setTimeout(resolve, leaderTimings.retryPeriodMs));
    assert.equal(b.elector.isLeader(), false);
    const stoppedAt = performance.now();
    a.stop.abort();
    await a.ended;
    assert.throws(() => a.elector.fence.assertHeld(), { code: "Fenced" });
    await until(() => b.elector.isLeader());
    const gap = performance.now() - stoppedAt;
    assert.ok(gap < leaderTimings.leaseDurationMs, `it took ${gap} ms, as if the lease had not been given back`);
    const lease = await client.get<Lease>(leases, { namespace: space.name, name });
    assert.equal(lease?.spec?.holderIdentity, "b");
    // Given back to nobody and taken by b.
    assert.equal(lease.spec.leaseTransitions, 1);
  });

  it("gives up before another one takes over when the leader is cut off", async () => {
    const name = randomName("lock");
    const a = join(name, "a", new ObjectClient({ transport: proxied }));
    await until(() => a.elector.isLeader());
    const b = join(name, "b");
    proxy.stall();
    await until(() => b.startedAt !== undefined);
    assert.ok(a.stoppedAt !== undefined && b.startedAt !== undefined && a.stoppedAt < b.startedAt);
    assert.equal(a.elector.isLeader(), false);
    await assert.rejects(client.withFence(a.elector.fence).create(configMaps, space.configMap("late")), {
      code: "Fenced",
    });
  });

  it("refuses the writes of a leader that was paused and deposed", async () => {
    const name = randomName("lock");
    const told: Record<string, unknown>[] = [];
    // The same runtime, with the same options, as runs this test.
    const script = fileURLToPath(new URL("./leader-child.ts", import.meta.url));
    const paused = spawn(process.execPath, [...process.execArgv, script, space.name, name, "child"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    child = paused;
    createInterface({ input: paused.stdout }).on("line", (line) =>
      told.push(JSON.parse(line) as Record<string, unknown>),
    );

    const stop = new AbortController();
    const writers: string[] = [];
    const informer = new Informer<ConfigMap>({
      client,
      type: configMaps,
      namespace: space.name,
      clock: systemClock,
      log: silentLog(),
    });
    informer.onChange(({ object }) => {
      if (object.metadata.name === name) writers.push(object.data?.["writer"] ?? "");
    });
    informer.start(stop.signal);
    await until(() => told.filter((event) => "wrote" in event).length >= 10);

    paused.kill("SIGSTOP");
    const heir = join(name, "heir");
    await until(() => heir.elector.isLeader());
    const fenced = client.withFence(heir.elector.fence);
    const object = { ...space.configMap(name, { writer: "heir" }) };
    const written = await fenced.apply(configMaps, object, { fieldManager: "leader" });
    const before = told.length;

    paused.kill("SIGCONT");
    await once(paused, "exit");
    const after = told.slice(before);
    assert.ok(
      after.some((event) => event["refused"] === "Fenced"),
      JSON.stringify(after),
    );
    assert.ok(after.some((event) => event["leading"] === false));
    // A write whose answer was waiting when it woke up was made before; nothing was written after the heir.
    const final = await client.get<ConfigMap>(configMaps, { namespace: space.name, name });
    assert.equal(final?.metadata.resourceVersion, written.metadata.resourceVersion);
    await until(() => writers.includes("heir"));
    assert.equal(writers.lastIndexOf("child") < writers.indexOf("heir"), true);
    assert.equal(heir.elector.isLeader(), true);
    stop.abort();
  });

  it("elects one of five, again and again", async () => {
    const name = randomName("lock");
    const all = ["a", "b", "c", "d", "e"].map((identity) => join(name, identity));
    const leaders = (): Candidate[] => all.filter((candidate) => candidate.elector.isLeader());
    for (let left = all.length; left > 0; left -= 1) {
      await until(() => leaders().length > 0);
      assert.equal(leaders().length, 1);
      const [leader] = leaders();
      leader?.stop.abort();
      await leader?.ended;
    }
    assert.ok(all.every((candidate) => candidate.startedAt !== undefined));
  });
});
