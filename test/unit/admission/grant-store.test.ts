import assert from "node:assert/strict";
import fc from "fast-check";
import { GrantStore, contribute, emptyGrant } from "../../../src/admission/index.ts";
import type { AdmissionGrant, AdmissionGrantSpec } from "../../../src/api/index.ts";
import {
  KubeError,
  type KubeErrorCode,
  type KubeObject,
  ObjectClient,
  type Transport,
} from "../../../src/kube/index.ts";
import { settle } from "../kube/fake-clock.ts";

const digest = `sha256:${"1".repeat(64)}`;
const begin = Date.parse("2030-01-01T00:00:00Z");

/** The part of one model: granted until a time that tells which change it was, or nothing. */
function granting(owner: string, change: number | undefined) {
  const notAfter = new Date(begin + (change ?? 0));
  const uses = change === undefined ? [] : [{ digest, use: "imageVolume" as const, notAfter }];
  return (grant: AdmissionGrantSpec) =>
    contribute(grant, { kind: "SecureModel", name: owner }, { uses, revisions: {} });
}

function grantedTo(owner: string, grant: AdmissionGrantSpec | undefined): number | undefined {
  const found = grant?.digests[digest]?.imageVolume?.grantors.find(({ name }) => name === owner);
  return found === undefined ? undefined : Date.parse(found.notAfter) - begin;
}

/** One grant behind an API server, with a watch that lags. */
class Server extends ObjectClient {
  living: AdmissionGrant | undefined;
  cached: AdmissionGrant | undefined;
  readonly requests: string[] = [];
  readonly history: AdmissionGrantSpec[] = [];
  /** Called before a request reaches the server and before its answer reaches the client. */
  pause: (what: string) => Promise<unknown> = () => Promise.resolve();
  /** How the n-th write fails: before it took effect, or after. */
  failure: (write: number) => { code: KubeErrorCode; when: "before" | "after" } | undefined = () => undefined;
  #version = 100;
  #writes = 0;

  constructor() {
    super({ transport: {} as Transport });
  }

  override async get<T extends KubeObject>(): Promise<T | undefined> {
    this.requests.push("get");
    await this.pause("get");
    const found = structuredClone(this.living);
    await this.pause("answer");
    return found as T | undefined;
  }

  override async create<T extends KubeObject>(_type: unknown, object: T): Promise<T> {
    return this.#write("create", object, () => (this.living === undefined ? undefined : "AlreadyExists"));
  }

  override async replace<T extends KubeObject>(_type: unknown, object: T): Promise<T> {
    const { resourceVersion, uid } = object.metadata;
    return this.#write("replace", object, () => {
      if (this.living === undefined) return "NotFound";
      const { metadata } = this.living;
      return metadata.resourceVersion === resourceVersion && metadata.uid === uid ? undefined : "Conflict";
    });
  }

  /** As somebody else would write it, at once. */
  put(spec: AdmissionGrantSpec | undefined): void {
    this.#version += 1;
    const metadata = { name: "mlsecops", namespace: "shop", resourceVersion: String(this.#version) };
    const uid = this.living?.metadata.uid ?? `u${this.#version}`;
    this.living = spec === undefined ? undefined : { metadata: { ...metadata, uid }, spec };
    if (spec !== undefined) this.history.push(spec);
    void this.#tell(this.living);
  }

  async #write<T extends KubeObject>(verb: string, object: T, problem: () => KubeErrorCode | undefined): Promise<T> {
    this.requests.push(verb);
    const fails = this.failure(this.#writes++);
    await this.pause(verb);
    const code = fails?.when === "before" ? fails.code : problem();
    if (code === undefined) this.put(structuredClone((object as unknown as AdmissionGrant).spec));
    const written = structuredClone(this.living);
    await this.pause("answer");
    if (code !== undefined) throw new KubeError(code, code);
    if (fails !== undefined) throw new KubeError(fails.code, fails.code);
    return written as unknown as T;
  }

  async #tell(state: AdmissionGrant | undefined): Promise<void> {
    const version = this.#version;
    await this.pause("watch");
    // As the informer does with events that come late.
    if (version > this.#seen) [this.cached, this.#seen] = [structuredClone(state), version];
  }
  #seen = 0;
}

function world({ spec }: { readonly spec?: AdmissionGrantSpec } = {}) {
  const server = new Server();
  if (spec !== undefined) server.put(spec);
  return { server, store: new GrantStore(server, () => server.cached) };
}

/** Holds back what the server says until it is let go. */
function held(server: Server, what: string): () => void {
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  server.pause = (pause) => (pause === what ? gate : Promise.resolve());
  return release;
}

describe("the store of grants", () => {
  it("asks for nothing that the watch has brought", async () => {
    const { server, store } = world({ spec: emptyGrant });
    await settle();
    assert.equal(grantedTo("iris", await store.change("shop", granting("iris", 1))), 1);
    assert.deepEqual(server.requests, ["replace"]);
    await store.change("shop", granting("iris", 1));
    assert.deepEqual(server.requests, ["replace"]);
  });

  it("goes by what it wrote while the watch is behind, and by the watch when that is ahead", async () => {
    const { server, store } = world({ spec: emptyGrant });
    await settle();
    const release = held(server, "watch");
    await store.change("shop", granting("iris", 1));
    await store.change("shop", granting("iris", undefined));
    assert.equal(grantedTo("iris", server.living?.spec), undefined);
    assert.deepEqual(server.requests, ["replace", "replace"]);
    release();
    server.pause = () => Promise.resolve();
    server.put(granting("rose", 7)(emptyGrant));
    await settle();
    const grant = await store.change("shop", granting("iris", 2));
    assert.deepEqual([grantedTo("rose", grant), grantedTo("iris", grant)], [7, 2]);
    assert.deepEqual(server.requests, ["replace", "replace", "replace"]);
  });

  it("reads the living grant after a conflict, and changes that", async () => {
    const { server, store } = world({ spec: granting("rose", 1)(emptyGrant) });
    await settle();
    const release = held(server, "watch");
    server.put(emptyGrant);
    const grant = await store.change("shop", granting("iris", 1));
    assert.deepEqual([grantedTo("rose", grant), grantedTo("iris", grant)], [undefined, 1]);
    assert.equal(grantedTo("rose", server.living?.spec), undefined);
    assert.deepEqual(server.requests, ["replace", "get", "replace"]);
    release();
  });

  it("writes together what is asked for while a write is under way", async () => {
    const { server, store } = world({ spec: emptyGrant });
    await settle();
    const release = held(server, "replace");
    const first = store.change("shop", granting("iris", 1));
    await settle();
    const others = ["rose", "lily", "aster"].map((owner) => store.change("shop", granting(owner, 2)));
    await settle();
    release();
    assert.equal(grantedTo("rose", await first), undefined);
    for (const grant of await Promise.all(others)) assert.equal(grantedTo("aster", grant), 2);
    assert.deepEqual(server.requests, ["replace", "replace"]);
  });

  it("makes a grant again that was deleted", async () => {
    const { server, store } = world();
    await store.change("shop", (grant) => grant, { ensure: true });
    await settle();
    server.put(undefined);
    await settle();
    server.requests.length = 0;
    await store.change("shop", (grant) => grant, { ensure: true });
    assert.notEqual(server.living, undefined);
    assert.ok(server.requests.includes("create"));
    server.requests.length = 0;
    const other = world();
    await other.store.change("shop", granting("iris", undefined));
    assert.deepEqual(other.server.requests, ["get"]);
  });

  it("goes by the API server that was set back to an earlier state", async () => {
    const { server, store } = world({ spec: granting("rose", 1)(emptyGrant) });
    await settle();
    const earlier = structuredClone(server.cached);
    held(server, "watch");
    await store.change("shop", granting("rose", undefined));
    assert.ok(earlier);
    server.living = { ...earlier, metadata: { ...earlier.metadata, resourceVersion: "7" } };
    server.cached = server.living;
    await store.change("shop", granting("rose", undefined));
    assert.equal(grantedTo("rose", server.living.spec), undefined);
  });

  it("lets one change that is refused, or that throws, fail alone", async () => {
    const { server, store } = world({ spec: emptyGrant });
    await settle();
    const release = held(server, "replace");
    const first = store.change("shop", granting("iris", 1));
    await settle();
    const bad = store.change("shop", () => {
      throw new Error("no sense in it");
    });
    const refused = store.change("shop", granting("poison", 1));
    const good = store.change("shop", granting("iris", undefined));
    const ended = Promise.allSettled([bad, refused, good]);
    // Of all that come together, and then of the poisoned one.
    server.failure = (write) => (write === 1 || write === 2 ? { code: "Invalid", when: "before" } : undefined);
    release();
    await first;
    const [a, b, c] = await ended;
    assert.equal(a.status === "rejected" && (a.reason as Error).message, "no sense in it");
    assert.equal(b.status === "rejected" && (b.reason as KubeError).code, "Invalid");
    assert.equal(c.status, "fulfilled");
    assert.deepEqual(
      [grantedTo("iris", server.living?.spec), grantedTo("poison", server.living?.spec)],
      [undefined, undefined],
    );
  });

  it("ends the wait of who gives up, and nobody else's write", async () => {
    const { server, store } = world({ spec: emptyGrant });
    await settle();
    const release = held(server, "replace");
    const [early, late] = [new AbortController(), new AbortController()];
    const first = store.change("shop", granting("iris", 1), { signal: early.signal });
    await settle();
    const second = store.change("shop", granting("rose", 1), { signal: late.signal });
    const third = store.change("shop", granting("lily", 1));
    late.abort(new KubeError("Timeout", "too late"));
    early.abort();
    await assert.rejects(first, (error: KubeError) => error.code === "Aborted");
    await assert.rejects(second, (error: KubeError) => error.code === "Timeout");
    release();
    const grant = await third;
    assert.deepEqual(
      ["iris", "rose", "lily"].map((owner) => grantedTo(owner, grant)),
      [1, undefined, 1],
    );
    const over = store.change("shop", granting("rose", 2), { signal: late.signal });
    await assert.rejects(over, (error: KubeError) => error.code === "Timeout");
  });

  it("never brings back what was withdrawn, however requests, the watch and others come in between", async () => {
    const owners = ["iris", "rose", "lily"];
    const step = fc.record({ owner: fc.constantFrom(...owners), withdraws: fc.boolean(), aborts: fc.boolean() });
    const failures = fc.array(
      fc.option(
        fc.record({
          code: fc.constantFrom<KubeErrorCode>("Timeout", "Invalid", "Unavailable"),
          when: fc.constantFrom("before" as const, "after" as const),
        }),
        { nil: undefined, freq: 4 },
      ),
      { maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(step, { minLength: 1, maxLength: 14 }),
        fc.array(fc.nat({ max: 9 }), { maxLength: 4 }),
        failures,
        async (scheduler, steps, others, fails) => {
          const { server, store } = world({ spec: emptyGrant });
          await settle();
          server.pause = (what) => scheduler.schedule(Promise.resolve(), what);
          server.failure = (write) => fails[write];
          const asked = new Map(owners.map((owner) => [owner, [undefined] as (number | undefined)[]]));
          const last = new Map<string, "done" | "failed">();
          // The changes of one owner come one after the other, as those of one key of a controller do.
          const work = owners.map(async (owner) => {
            for (const [index, { withdraws, aborts }] of steps.filter((one) => one.owner === owner).entries()) {
              const wanted = withdraws ? undefined : index + 1;
              asked.get(owner)?.push(wanted);
              const abort = new AbortController();
              const change = store.change("shop", granting(owner, wanted), { signal: abort.signal });
              if (aborts) void scheduler.schedule(Promise.resolve(), "abort").then(() => abort.abort());
              last.set(owner, await change.then(() => "done" as const).catch(() => "failed" as const));
            }
          });
          const written: (number | undefined)[] = [undefined];
          const stranger = others.map(async (until) => {
            await scheduler.schedule(Promise.resolve(), "stranger");
            written.push(until);
            server.put(granting("stranger", until)(server.living?.spec ?? emptyGrant));
          });
          await scheduler.waitFor(Promise.all([...work, ...stranger]));
          for (const owner of owners) {
            const states = server.history.map((grant) => grantedTo(owner, grant));
            assert.ok(isSubsequence(states, asked.get(owner) ?? []), `${owner}: ${String(states)}`);
            if (last.get(owner) === "done")
              assert.equal(grantedTo(owner, server.living?.spec), asked.get(owner)?.at(-1));
          }
          const strangers = server.history.map((grant) => grantedTo("stranger", grant));
          assert.ok(isSubsequence(strangers, written), `stranger: ${String(strangers)}`);
          assert.equal(strangers.at(-1), written.at(-1));
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** Whether the states follow one another in the order of `asked`; one may last, and some may be left out. */
function isSubsequence(states: readonly (number | undefined)[], asked: readonly (number | undefined)[]): boolean {
  let at = 0;
  return states.every((state) => {
    const next = asked.indexOf(state, at);
    if (next === -1) return false;
    at = next;
    return true;
  });
}
