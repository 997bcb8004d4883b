import assert from "node:assert/strict";
import {
  EventRecorder,
  systemClock,
  type EventDetail,
  type EventRecorderOptions,
  type EventRegarding,
  type KubeObject,
  type ResourceType,
} from "../../../src/kube/index.ts";
import { configMaps, namespaces, silentLog, TestNamespace } from "./support.ts";

interface Event extends KubeObject {
  note?: string;
  regarding?: { name?: string };
  series?: { count: number; lastObservedTime: string };
}

const events: ResourceType = {
  group: "events.k8s.io",
  version: "v1",
  kind: "Event",
  plural: "events",
  namespaced: true,
};
const detail: EventDetail = { type: "Warning", reason: "Rejected", action: "Verify", note: "no signature" };

describe("event recorder on a real API server", function () {
  this.timeout(60_000);
  const space = new TestNamespace();
  const { client } = space;
  const recorders: EventRecorder[] = [];

  before(() => space.create());
  afterEach(() => {
    for (const recorder of recorders.splice(0)) recorder.close();
  });
  after(() => space.remove());

  const create = (options: Partial<EventRecorderOptions> = {}): EventRecorder => {
    const recorder = new EventRecorder({
      client,
      reportingController: "example.com/operator",
      reportingInstance: "pod-1",
      clock: systemClock,
      log: silentLog(),
      ...options,
    });
    recorders.push(recorder);
    return recorder;
  };
  const target = async (name: string): Promise<EventRegarding> =>
    (await client.create(configMaps, space.configMap(name))) as EventRegarding;
  const about = async (name: string, namespace = space.name): Promise<Event[]> => {
    const found = await client.list<Event>(events, { namespace });
    return found.filter((event) => event.regarding?.name === name);
  };

  it("records an event that the API server accepts, and repetitions as a series", async () => {
    const recorder = create();
    const regarding = await target("repeated");
    recorder.emit(regarding, detail);
    await recorder.flush();
    assert.equal((await about("repeated")).length, 1);
    for (let count = 0; count < 50; count += 1) recorder.emit(regarding, detail);
    await recorder.flush();
    recorder.emit(regarding, detail);
    await recorder.flush();
    const [event, ...others] = await about("repeated");
    assert.equal(others.length, 0);
    assert.equal(event?.series?.count, 52);
    assert.equal(event.note, "no signature");
  });

  it("records an event that was repeated before it was sent", async () => {
    const recorder = create();
    const regarding = await target("burst");
    for (let count = 0; count < 5; count += 1) recorder.emit(regarding, detail);
    await recorder.flush();
    const found = await about("burst");
    assert.equal(found.length, 1);
    assert.equal(found[0]?.series?.count, 5);
  });

  it("records what is as long as it may be, and objects without a namespace", async () => {
    const recorder = create({ reportingInstance: "p".repeat(500) });
    const long = { ...detail, note: "ä".repeat(3_000), reason: "R".repeat(300), action: "A".repeat(300) };
    recorder.emit(await target("long"), long);
    const metadata = { name: space.name };
    recorder.emit(
      { ...(await client.get<KubeObject>(namespaces, metadata)), apiVersion: "v1", kind: "Namespace", metadata },
      detail,
    );
    await recorder.flush();
    assert.equal((await about("long")).length, 1);
    const clusterScoped = await about(space.name, "default");
    assert.equal(clusterScoped.length, 1);
    for (const event of clusterScoped) await client.remove(events, { namespace: "default", name: event.metadata.name });
  });
});
