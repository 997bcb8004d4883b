import assert from "node:assert/strict";
import { CHECKPOINT_CHAIN, KEY_CHAIN } from "../../../src/api/index.ts";
import { nextRecord, tailOf } from "../../../src/governance/chain.ts";
import { canonicalJson, digestOf } from "../../../src/governance/canonical.ts";
import { Checkpointer } from "../../../src/governance/checkpointer.ts";
import { type Verification, SigningKey, verifyEvidence } from "../../../src/governance/index.ts";
import { keyIntroduction } from "../../../src/governance/key-chain.ts";
import { FakeClock } from "../kube/fake-clock.ts";
import {
  append,
  appendFact,
  granted,
  nobody,
  objectOf,
  quarantined,
  recorder,
  start,
  verdict,
  withdrawn,
} from "./support/build.ts";
import { MemoryStore } from "./support/memory-store.ts";

const key = SigningKey.generate();

/** Two objects with three records each, and a checkpoint over both. */
function evidence(): MemoryStore {
  const store = new MemoryStore();
  introduce(store, key);
  for (const [index, uid] of ["aaa", "bbb"].entries()) {
    appendFact(store, key, uid, verdict("Verified", index));
    appendFact(store, key, uid, granted(index));
    appendFact(store, key, uid, withdrawn);
  }
  checkpoint(store);
  return store;
}

function introduce(store: MemoryStore, current: SigningKey, previous?: SigningKey, at = start): void {
  const last = store.of(KEY_CHAIN).at(-1)?.bytes;
  const found = keyIntroduction({ current, previous }, last, at);
  assert.ok(found.state === "Needed", JSON.stringify(found));
  append(store, previous ?? current, found.waiting);
}

function checkpoint(store: MemoryStore): void {
  const checkpointer = new Checkpointer({ afterMs: 1, afterRecords: 1 }, new FakeClock());
  for (const [chain, records] of store.chains) {
    const last = records.at(-1);
    if (last !== undefined) checkpointer.found({ chain, sequence: last.sequence, digest: digestOf(last.bytes) });
  }
  for (const part of checkpointer.take(() => undefined)) append(store, key, part);
}

function verify(store: MemoryStore, heads: readonly string[] = [], keys = [key]): Promise<Verification> {
  return verifyEvidence({ store, keys: keys.map((one) => one.public), heads, signal: nobody });
}

async function problems(store: MemoryStore, keys = [key]): Promise<Record<string, string>> {
  const { chains, sound } = await verify(store, [], keys);
  const broken = chains.flatMap(({ chain, broken }) => (broken === undefined ? [] : [[chain, broken] as const]));
  assert.equal(sound, broken.length === 0);
  return Object.fromEntries(broken.map(([chain, { sequence, problem }]) => [chain, `${sequence} ${problem}`]));
}

type Json = Record<string, unknown>;
type Tree = {
  dsseEnvelope: { payload: string; payloadType: string; signatures: { sig: string }[] };
} & Json;

/** The same bundle with a change in it, in canonical form. */
function changed(bytes: Buffer, change: (bundle: Tree) => void): Buffer {
  const bundle = JSON.parse(bytes.toString()) as Tree;
  change(bundle);
  return Buffer.from(canonicalJson(bundle));
}

function withPayload(bytes: Buffer, change: (statement: Json & { predicate: Json }) => void): Buffer {
  return changed(bytes, ({ dsseEnvelope }) => {
    const statement = JSON.parse(Buffer.from(dsseEnvelope.payload, "base64").toString()) as Json & { predicate: Json };
    change(statement);
    dsseEnvelope.payload = Buffer.from(canonicalJson(statement)).toString("base64");
  });
}

/** Changes the second record of the first chain. */
const second =
  (change: (bytes: Buffer) => Buffer) =>
  (store: MemoryStore): void => {
    const record = store.of("aaa")[1];
    assert.ok(record);
    record.bytes = change(record.bytes);
  };

describe("verifying evidence", () => {
  it("accepts what nobody touched, and tells what it saw", async () => {
    const store = evidence();
    const { chains, sound } = await verify(store);
    assert.ok(sound);
    assert.deepEqual(
      chains.map(({ chain, records }) => [chain, records]),
      [
        [KEY_CHAIN, 1],
        [CHECKPOINT_CHAIN, 1],
        ["aaa", 3],
        ["bbb", 3],
      ],
    );
    const aaa = chains.find(({ chain }) => chain === "aaa");
    assert.equal(aaa?.object?.name, "m-aaa");
    assert.equal(aaa.first, "2026-01-01T00:00:00.000Z");
    assert.equal(aaa.last, "2026-01-01T00:00:02.000Z");
    assert.equal(aaa.head, digestOf(store.of("aaa")[2]?.bytes ?? ""));
  });

  const tampering: readonly (readonly [what: string, tamper: (store: MemoryStore) => void, problem: string])[] = [
    [
      "one byte of the signature was changed",
      second((bytes) =>
        changed(bytes, ({ dsseEnvelope }) => {
          const [first] = dsseEnvelope.signatures;
          assert.ok(first);
          const signature = Buffer.from(first.sig, "base64");
          signature[20] = (signature[20] ?? 0) ^ 1;
          first.sig = signature.toString("base64");
        }),
      ),
      "1 BadSignature",
    ],
    [
      "what was decided was changed",
      second((bytes) => withPayload(bytes, ({ predicate }) => (predicate["time"] = "2026-01-01T00:00:01.500Z"))),
      "1 BadSignature",
    ],
    ["it is no JSON", second(() => Buffer.from("not JSON")), "1 Unreadable"],
    ["it is empty", second(() => Buffer.alloc(0)), "1 Unreadable"],
    [
      "the bundle is written in another way",
      second((bytes) => Buffer.from(JSON.stringify(JSON.parse(bytes.toString()), undefined, 1))),
      "1 NotCanonical",
    ],
    [
      "the statement is written in another way",
      second((bytes) =>
        changed(bytes, ({ dsseEnvelope }) => {
          const text = Buffer.from(dsseEnvelope.payload, "base64").toString();
          dsseEnvelope.payload = Buffer.from(` ${text}`).toString("base64");
        }),
      ),
      "1 NotCanonical",
    ],
    [
      "its payload is of another type",
      second((bytes) => changed(bytes, ({ dsseEnvelope }) => (dsseEnvelope.payloadType = "text/plain"))),
      "1 WrongPayloadType",
    ],
    [
      "its predicate is of another type",
      second((bytes) =>
        withPayload(bytes, (statement) => (statement["predicateType"] = "https://slsa.dev/provenance/v1")),
      ),
      "1 WrongPredicateType",
    ],
    [
      "it is a statement of another version",
      second((bytes) => withPayload(bytes, (statement) => (statement["_type"] = "https://in-toto.io/Statement/v0.1"))),
      "1 WrongStatement",
    ],
    [
      "it says more than is documented",
      second((bytes) => withPayload(bytes, ({ predicate }) => (predicate["comment"] = "approved"))),
      "1 WrongStatement",
    ],
    [
      "it has two signatures",
      second((bytes) =>
        changed(bytes, ({ dsseEnvelope }) => dsseEnvelope.signatures.push(...dsseEnvelope.signatures.slice(0, 1))),
      ),
      "1 SignatureCount",
    ],
    [
      "it has no signature",
      second((bytes) => changed(bytes, ({ dsseEnvelope }) => (dsseEnvelope.signatures = []))),
      "1 SignatureCount",
    ],
    [
      "it was signed again by another key",
      (store) => {
        const [first] = store.of("aaa");
        assert.ok(first);
        store.chains.set("aaa", [first]);
        appendFact(store, SigningKey.generate(), "aaa", granted());
      },
      "1 UnknownKey",
    ],
    ["one in the middle was removed", (store) => void store.of("aaa").splice(1, 1), "2 Missing"],
    ["the beginning was removed", (store) => void store.of("aaa").splice(0, 2), "2 Missing"],
    ["the end was removed", (store) => void store.of("aaa").pop(), "2 Truncated"],
    ["all of it was removed", (store) => void store.chains.delete("aaa"), "0 Truncated"],
    [
      "two were swapped",
      (store) => {
        const [, a, b] = store.of("aaa");
        assert.ok(a && b);
        [a.bytes, b.bytes] = [b.bytes, a.bytes];
      },
      "1 WrongSequence",
    ],
    [
      "one of another object was put there",
      (store) => {
        const [, mine] = store.of("aaa");
        const [, other] = store.of("bbb");
        assert.ok(mine && other);
        mine.bytes = other.bytes;
      },
      "1 WrongChain",
    ],
    [
      "somebody with the key wrote its end anew",
      (store) => {
        store.of("aaa").pop();
        appendFact(store, key, "aaa", quarantined);
      },
      "2 NotAsCheckpointed",
    ],
    [
      "somebody with the key replaced one in the middle",
      (store) => {
        const other = new MemoryStore();
        appendFact(other, key, "aaa", verdict("Rejected"));
        appendFact(other, key, "aaa", granted());
        const [mine] = store.of("aaa");
        const [theirs] = other.of("aaa");
        assert.ok(mine && theirs);
        mine.bytes = theirs.bytes;
      },
      "1 WrongPrevious",
    ],
    [
      "two writers forked it",
      (store) => {
        const other = new MemoryStore();
        other.chains.set("aaa", store.of("aaa").slice(0, 2));
        appendFact(other, key, "aaa", quarantined);
        store.of("aaa").push(...other.of("aaa").slice(2));
      },
      "2 ",
    ],
  ];
  for (const [what, tamper, problem] of tampering)
    it(`notices that ${what}`, async () => {
      const store = evidence();
      tamper(store);
      const found = await problems(store);
      assert.deepEqual(Object.keys(found), ["aaa"]);
      assert.ok(found["aaa"]?.startsWith(problem), found["aaa"]);
    });

  it("names a fork where nothing was checkpointed", async () => {
    const store = new MemoryStore();
    const other = new MemoryStore();
    appendFact(store, key, "aaa", verdict());
    other.chains.set("aaa", store.of("aaa").slice());
    appendFact(store, key, "aaa", granted());
    appendFact(other, key, "aaa", quarantined);
    store.of("aaa").push(...other.of("aaa").slice(1));
    assert.deepEqual(await problems(store), { aaa: "1 Forked" });
  });

  it("does not see a cut end without a checkpoint, and does with the head that somebody kept", async () => {
    const store = new MemoryStore();
    appendFact(store, key, "aaa", verdict());
    appendFact(store, key, "aaa", granted());
    const head = digestOf(store.of("aaa")[1]?.bytes ?? "");
    assert.ok((await verify(store, [head])).sound);
    store.of("aaa").pop();
    assert.ok((await verify(store)).sound);
    const { sound, unknownHeads } = await verify(store, [head]);
    assert.equal(sound, false);
    assert.deepEqual(unknownHeads, [head]);
  });

  it("does not let a checkpoint vanish whose head somebody kept", async () => {
    const store = evidence();
    const head = digestOf(store.of(CHECKPOINT_CHAIN)[0]?.bytes ?? "");
    store.chains.delete(CHECKPOINT_CHAIN);
    store.of("aaa").pop();
    assert.deepEqual((await verify(store, [head])).unknownHeads, [head]);
  });

  it("notices a checkpoint that claims other chains than it names", async () => {
    const store = evidence();
    const decision = { type: "Checkpoint" as const, heads: [], chains: 2, root: digestOf("another") };
    append(store, key, { chain: CHECKPOINT_CHAIN, part: "checkpoint", decision, artifacts: [] });
    assert.deepEqual(await problems(store), { [CHECKPOINT_CHAIN]: "1 WrongCheckpoint" });
  });

  it("notices times that go back, which the recorder never writes", async () => {
    const store = new MemoryStore();
    appendFact(store, key, "aaa", { ...verdict(), at: new Date("2026-02-01") });
    appendFact(store, key, "aaa", { ...granted(), at: new Date("2026-01-15") });
    assert.deepEqual(await problems(store), {});
    const [first, last] = store.of("aaa");
    assert.ok(first && last);
    const { tail } = tailOf(first.bytes, 0);
    const decided = { chain: "aaa", object: objectOf("aaa"), ...granted(), at: new Date("2026-01-15") };
    last.bytes = nextRecord(decided, { ...tail, time: "" }, { key, recorder }).record.bytes;
    assert.deepEqual(await problems(store), { aaa: "1 TimeBackwards" });
  });

  it("follows a key that the one before it introduced, and lets the old one sign no more", async () => {
    const store = evidence();
    const next = SigningKey.generate();
    const [rotated, after] = [new Date("2026-01-02"), new Date("2026-01-03")];
    introduce(store, next, key, rotated);
    appendFact(store, next, "aaa", { ...quarantined, at: after });
    assert.deepEqual(await problems(store), {});
    // Whoever stole the old key can go on with a chain that the new one has not signed yet.
    appendFact(store, key, "bbb", { ...quarantined, at: after });
    assert.deepEqual(await problems(store), { bbb: "3 RetiredKey" });
    // Or sets its time back.
    appendFact(store, key, "aaa", { ...verdict("Verified", 3), at: after });
    assert.deepEqual(await problems(store), { aaa: "4 RetiredKey", bbb: "3 RetiredKey" });
  });

  it("does not follow a key that nobody introduced", async () => {
    const store = evidence();
    const next = SigningKey.generate();
    appendFact(store, next, "aaa", quarantined);
    assert.deepEqual(await problems(store), { aaa: "3 UnknownKey" });
    assert.deepEqual(Object.keys(await problems(store, [next])).sort(), ["aaa", "bbb", CHECKPOINT_CHAIN, KEY_CHAIN]);
  });

  it("says how many decisions a chain itself says are lost", async () => {
    const store = new MemoryStore();
    appendFact(store, key, "aaa", verdict());
    const [first, last] = [start.toISOString(), start.toISOString()];
    appendFact(store, key, "aaa", { part: "gap", decision: { type: "Gap", dropped: 3, first, last }, artifacts: [] });
    assert.deepEqual(
      (await verify(store)).chains.map(({ lost }) => lost),
      [3],
    );
  });
});
