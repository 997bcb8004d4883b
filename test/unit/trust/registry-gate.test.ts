import assert from "node:assert/strict";
import fc from "fast-check";
import { RegistryClient } from "../../../src/trust/registry.ts";
import { isRegistryError, type RegistryError } from "../../../src/trust/registry-error.ts";
import { RegistryGate, type RegistryGateOptions } from "../../../src/trust/registry-gate.ts";
import { parseRetryAfter } from "../../../src/trust/registry-retry.ts";
import { digestOf, later, now } from "./support/build.ts";
import { answer, FakeRegistry } from "./support/fake-registry.ts";

const hour = 3_600_000;

describe("Retry-After", () => {
  const cases: readonly (readonly [text: string | undefined, ms: number | undefined])[] = [
    ["0", 0],
    ["7", 7000],
    [" 120 ", 120_000],
    ["Sun, 01 Mar 2026 12:00:30 GMT", 30_000],
    ["Sun, 01 Mar 2026 11:00:00 GMT", undefined],
    ["Sun, 99 Foo 2026 12:00:30 GMT", undefined],
    ["2026-03-01T12:00:30Z", undefined],
    ["-5", undefined],
    ["1.5", undefined],
    ["9999999999", undefined],
    ["soon", undefined],
    ["", undefined],
    [undefined, undefined],
  ];
  for (const [text, ms] of cases) {
    it(`${JSON.stringify(text)} is ${ms ?? "nothing"}`, () => assert.equal(parseRetryAfter(text, now), ms));
  }

  it("never throws, and never asks to come back in the past", () => {
    fc.assert(fc.property(fc.string(), (text) => (parseRetryAfter(text, now) ?? 0) >= 0));
  });
});

describe("RegistryGate", () => {
  let time = now;
  const advance = (ms: number): void => void (time = new Date(time.getTime() + ms));
  beforeEach(() => (time = now));

  function gate(options: Partial<RegistryGateOptions> = {}): RegistryGate {
    return new RegistryGate({ now: () => time, ...options });
  }
  const heard = (status: number, retryAfter?: string) => ({
    status,
    headers: new Map(retryAfter === undefined ? [] : [["retry-after", retryAfter]]),
  });

  async function refusal(entering: Promise<unknown>): Promise<RegistryError> {
    const error: unknown = await entering.then(
      () => undefined,
      (caught: unknown) => caught,
    );
    assert.ok(isRegistryError(error, "RateLimited"), String(error));
    assert.equal(error.consequence.outcome, "Indeterminate");
    return error;
  }

  it("lets nobody ask before the time that the host named", async () => {
    const lane = gate().lane("r.io", "a");
    lane.note(heard(429, "30"));
    const error = await refusal(lane.enter("exchanges"));
    assert.equal(error.retryAfterMs, 30_000);
    assert.match(error.message, /^r\.io has asked for no more requests before 2026-03-01T12:00:30Z$/);
    advance(29_999);
    const later = await refusal(lane.enter("bulk"));
    assert.deepEqual([later.retryAfterMs, later.message], [1, error.message]);
    advance(1);
    (await lane.enter("exchanges"))();
  });

  it("understands a date, and 503", async () => {
    const lane = gate().lane("r.io", "a");
    lane.note(heard(503, later(5000).toUTCString()));
    assert.equal((await refusal(lane.enter("exchanges"))).retryAfterMs, 5000);
  });

  it("does not shorten what was asked for before", async () => {
    const lane = gate().lane("r.io", "a");
    lane.note(heard(429, "30"));
    lane.note(heard(429, "1"));
    assert.equal((await refusal(lane.enter("exchanges"))).retryAfterMs, 30_000);
  });

  it("takes a 503 without a time for what it is", async () => {
    const lane = gate().lane("r.io", "a");
    lane.note(heard(503));
    (await lane.enter("exchanges"))();
  });

  it("waits longer each time where no time is named, up to a minute, until something succeeds", async () => {
    const lane = gate().lane("r.io", "a");
    const waits: (number | undefined)[] = [];
    for (let round = 0; round < 8; round++) {
      lane.note(heard(429));
      const { retryAfterMs = 0 } = await refusal(lane.enter("exchanges"));
      waits.push(retryAfterMs);
      advance(retryAfterMs);
    }
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    lane.note(heard(200));
    lane.note(heard(429));
    assert.equal((await refusal(lane.enter("exchanges"))).retryAfterMs, 1000);
  });

  it("is silent for an hour at most, whatever a host asks for and however the clock jumps", async () => {
    const lane = gate().lane("r.io", "a");
    lane.note(heard(429, "999999999"));
    assert.equal((await refusal(lane.enter("exchanges"))).retryAfterMs, hour);
    advance(-24 * hour);
    (await lane.enter("exchanges"))();
  });

  it("tells all tenants under one identity what the host asked for", async () => {
    const shared = gate();
    shared.lane("r.io", "anonymous", "one").note(heard(429, "30"));
    await refusal(shared.lane("r.io", "anonymous", "another").enter("exchanges"));
  });

  it("keeps identities and hosts apart", async () => {
    const shared = gate();
    shared.lane("r.io", "a").note(heard(429, "30"));
    for (const [host, identity] of [
      ["r.io", "b"],
      ["s.io", "a"],
    ] as const)
      (await shared.lane(host, identity).enter("exchanges"))();
    await refusal(shared.lane("r.io", "a").enter("exchanges"));
  });

  it("lets a few in at once, in order, and the flood of one identity holds up no other", async () => {
    const shared = gate({ exchanges: 2 });
    const lane = shared.lane("r.io", "flood");
    const entered: number[] = [];
    const leaving: (() => void)[] = [];
    const entering = [0, 1, 2, 3].map(async (number) => {
      const leave = await lane.enter("exchanges");
      entered.push(number);
      leaving.push(leave);
    });
    (await shared.lane("r.io", "other").enter("exchanges"))();
    (await shared.lane("r.io", "flood", "another tenant").enter("exchanges"))();
    (await lane.enter("bulk"))();
    assert.deepEqual(entered, [0, 1]);
    const [first] = leaving;
    first?.();
    first?.();
    await entering[2];
    assert.deepEqual(entered, [0, 1, 2]);
    leaving[1]?.();
    await Promise.all(entering);
    assert.deepEqual(entered, [0, 1, 2, 3]);
  });

  it("lets go of who gives up while waiting, and tells those who waited what others were told", async () => {
    const lane = gate({ exchanges: 1 }).lane("r.io", "a");
    const leave = await lane.enter("exchanges");
    const controller = new AbortController();
    const givesUp = lane.enter("exchanges", controller.signal);
    const waits = lane.enter("exchanges");
    controller.abort();
    await assert.rejects(givesUp, (error) => isRegistryError(error, "Aborted"));
    await assert.rejects(lane.enter("exchanges", controller.signal), (error) => isRegistryError(error, "Aborted"));
    lane.note(heard(429, "30"));
    leave();
    await refusal(waits);
    advance(30_000);
    (await lane.enter("exchanges"))();
  });

  it("remembers a bounded number of lanes", async () => {
    const shared = gate({ maxLanes: 2 });
    shared.lane("r.io", "a").note(heard(429, "30"));
    for (const identity of ["b", "c"]) shared.lane("r.io", identity);
    (await shared.lane("r.io", "a").enter("exchanges"))();
  });

  describe("between sessions", () => {
    let registry: FakeRegistry;
    beforeEach(async () => {
      registry = await FakeRegistry.start();
    });
    afterEach(() => registry.stop());

    function client(shared: RegistryGate): RegistryClient {
      return new RegistryClient(
        { registry: registry.host, repository: "models/iris" },
        { egress: registry.egress, plainHttpHosts: [registry.host], timeoutMs: 2000, gate: shared, now: () => time },
      );
    }

    it("spares the registry every request until it may be asked again", async () => {
      const shared = gate();
      const digest = registry.pushArtifact("model", "v1");
      registry.fault = answer(429, { "retry-after": "30" });
      assert.equal((await refusal(client(shared).manifest(digest))).retryAfterMs, 30_000);
      registry.fault = () => false;
      assert.equal((await refusal(client(shared).resolveTag("v1"))).retryAfterMs, 30_000);
      assert.equal(registry.requests.length, 1);
      advance(30_000);
      assert.equal(await client(shared).resolveTag("v1"), digest);
    });

    it("heeds a token server as well, also where it has the registry's address and there is room for one", async () => {
      const shared = gate({ exchanges: 1 });
      const realm = `http://${registry.host}/token`;
      const digest = registry.pushArtifact("model", "v1");
      registry.fault = (request, response) => {
        if (request.url?.startsWith("/token") === true) return answer(200, {}, '{"token": "t"}')(request, response);
        if (request.headers.authorization === "Bearer t") return false;
        return answer(401, { "www-authenticate": `Bearer realm="${realm}"` })(request, response);
      };
      assert.equal(await client(shared).resolveTag("v1"), digest);
      await client(shared).verifyBlob(registry.pushBlob("content"), 1000);
      registry.fault = (request, response) =>
        answer(request.url?.startsWith("/token") === true ? 429 : 401, {
          "www-authenticate": `Bearer realm="${realm}"`,
          "retry-after": "9",
        })(request, response);
      await refusal(client(shared).manifest(digestOf("a")));
      const { length } = registry.requests;
      await refusal(client(shared).manifest(digestOf("a")));
      assert.equal(registry.requests.length, length);
    });

    it("gives the room of a blob back, however it ends", async () => {
      const shared = gate({ exchanges: 1, bulk: 1 });
      const blob = registry.pushBlob("content");
      for (const content of ["content", "contents", "conten"]) {
        registry.blobs.set(blob.digest, Buffer.from(content));
        await client(shared)
          .verifyBlob(blob, 1000)
          .catch(() => undefined);
        await client(shared)
          .blob(blob, 100)
          .catch(() => undefined);
      }
      registry.fault = answer(404);
      await client(shared)
        .verifyBlob(blob, 1000)
        .catch(() => undefined);
      registry.fault = () => false;
      registry.blobs.set(blob.digest, Buffer.from("content"));
      await client(shared).verifyBlob(blob, 1000);
      await client(shared).blob(blob, 100);
    });
  });
});
