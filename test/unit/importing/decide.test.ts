import assert from "node:assert/strict";
import type { SourceStatus } from "../../../src/api/index.ts";
import { type JobState, type Seen, decideLook, dueLook } from "../../../src/importing/decide.ts";
import { recordedAs } from "../../../src/importing/plan.ts";
import { type Recorded, mismatchOf } from "../../../src/importing/recorded.ts";
import { parseResult } from "../../../src/importing/step.ts";

const digest = (n: number) => `sha256:${String(n).repeat(64)}`;
const about = { repository: "registry.example/iris", from: "s3+https://s3/models/iris/", basis: "b" };
const imported = {
  ...about,
  ...{ digest: digest(1), files: digest(2), count: 1, bytes: 5 },
  ...{ at: "2036-01-01T00:00:00Z", checkedAt: "2036-01-01T00:00:00Z" },
};
const at = new Date("2036-01-02T03:04:05.678Z");
const seenAt = "2036-01-02T03:04:05Z";
const over = (result?: Extract<JobState, { state: "Over" }>["result"]): JobState => ({
  ...{ state: "Over", at, problem: "Job import-1: BackoffLimitExceeded" },
  result,
});
const recorded = (files: string): Recorded => ({
  state: "Read",
  annotations: { [recordedAs.source]: about.from, [recordedAs.files]: files },
});
const found = { outcome: "Imported", digest: digest(3), files: digest(4), count: 2, bytes: 6 } as const;
const changed = { files: digest(4), seenAt: "2036-01-01T12:00:00Z" };
const refused = { outcome: "Failed", reason: "SourceRefused", message: "HTTP 403" } as const;

describe("what a look at a source comes to", () => {
  const table: readonly {
    readonly name: string;
    readonly status?: SourceStatus;
    readonly job: JobState;
    readonly follows?: boolean;
    readonly condition: string;
    readonly problem?: string;
    readonly after: SourceStatus;
  }[] = [
    { name: "nothing yet", job: { state: "Missing" }, condition: "Unknown/Importing", problem: "Importing", after: {} },
    {
      name: "a first import under way",
      job: { state: "Running" },
      condition: "Unknown/Importing",
      problem: "Importing",
      after: {},
    },
    {
      name: "a first import",
      job: over(found),
      condition: "True/Unchanged",
      after: {
        imported: { ...about, digest: digest(3), files: digest(4), count: 2, bytes: 6, at: seenAt, checkedAt: seenAt },
      },
    },
    {
      name: "a first import that failed",
      job: over(refused),
      condition: "Unknown/ImportFailed",
      problem: "ImportFailed",
      after: {},
    },
    {
      name: "a Job without a word",
      job: over(),
      condition: "Unknown/ImportFailed",
      problem: "ImportFailed",
      after: {},
    },
    {
      name: "an answer to another question",
      job: over({ outcome: "Unchanged" }),
      condition: "Unknown/ImportFailed",
      problem: "ImportFailed",
      after: {},
    },
    {
      name: "a look under way",
      status: { imported },
      job: { state: "Running" },
      condition: "True/Unchanged",
      after: { imported },
    },
    {
      name: "a look under way after a change",
      status: { imported, changed },
      job: { state: "Running" },
      condition: "False/SourceChanged",
      after: { imported, changed },
    },
    {
      name: "no change",
      status: { imported },
      job: over({ outcome: "Unchanged" }),
      condition: "True/Unchanged",
      after: { imported: { ...imported, checkedAt: seenAt } },
    },
    {
      name: "a change",
      status: { imported },
      job: over({ outcome: "Changed", files: digest(4) }),
      condition: "False/SourceChanged",
      after: { imported: { ...imported, checkedAt: seenAt }, changed: { files: digest(4), seenAt } },
    },
    {
      name: "the same change again",
      status: { imported, changed },
      job: over({ outcome: "Changed", files: digest(4) }),
      condition: "False/SourceChanged",
      after: { imported: { ...imported, checkedAt: seenAt }, changed },
    },
    {
      name: "a change that was taken back",
      status: { imported, changed },
      job: over({ outcome: "Unchanged" }),
      condition: "True/Unchanged",
      after: { imported: { ...imported, checkedAt: seenAt } },
    },
    {
      name: "a change that is followed",
      status: { imported, changed },
      job: over(found),
      follows: true,
      condition: "True/Unchanged",
      after: {
        imported: { ...about, digest: digest(3), files: digest(4), count: 2, bytes: 6, at: seenAt, checkedAt: seenAt },
      },
    },
    {
      name: "an import of what is pinned",
      status: { imported },
      job: over(found),
      condition: "False/SourceChanged",
      after: { imported: { ...imported, checkedAt: seenAt }, changed: { files: digest(4), seenAt } },
    },
    {
      name: "a look that failed",
      status: { imported },
      job: over(refused),
      condition: "Unknown/LookFailed",
      after: { imported },
    },
  ];
  for (const { name, status = {}, job, follows = false, condition, problem, after } of table)
    it(`${name}: ${condition}`, () => {
      const seen: Seen = { status, job, about, from: about.from, follows, recorded: recorded(digest(4)) };
      const looked = decideLook(seen);
      assert.equal(`${looked.condition.status}/${looked.condition.reason}`, condition);
      assert.equal(looked.problem?.reason, problem);
      assert.deepEqual(looked.status, after);
    });

  it("says why, and keeps what it knows", () => {
    const looked = decideLook({ status: {}, job: over(), about, from: "x", follows: false });
    assert.match(looked.problem?.message ?? "", /BackoffLimitExceeded/);
  });

  it("takes nothing that was not read back, nor what records another source", () => {
    const seen: Seen = { status: {}, job: over(found), about, from: about.from, follows: false };
    assert.equal(decideLook(seen).problem?.reason, "ImportFailed");
    const down = decideLook({ ...seen, recorded: { state: "NotRead", why: "the registry is down" } });
    assert.match(down.problem?.message ?? "", /was not imported: the registry is down/);
    const other = decideLook({ ...seen, recorded: recorded(digest(5)) });
    assert.equal(other.problem?.reason, "ImportMismatch");
    assert.deepEqual(other.status, {});
    const [asked, { annotations }] = [{ from: about.from, files: digest(4), pin: digest(4) }, { annotations: {} }];
    assert.match(mismatchOf(annotations, asked) ?? "", /records nothing/);
    assert.equal(
      mismatchOf({ [recordedAs.source]: "a\u202e\n" }, asked),
      "its manifest records a?? as where it came from",
    );
  });

  it("looks once at first, and then when the interval is over, each time under another name", () => {
    const now = new Date("2036-01-01T00:04:59Z");
    assert.deepEqual(dueLook(undefined, 300_000, now), { look: "first" });
    assert.deepEqual(dueLook(imported, 300_000, now), { waitMs: 1_000 });
    assert.deepEqual(dueLook(imported, 299_000, now), { look: imported.checkedAt });
  });

  it("takes from a pod only what has the form of a result", () => {
    assert.deepEqual(parseResult(JSON.stringify(found)), found);
    for (const text of [
      "",
      "x",
      "null",
      '{"outcome":"Imported"}',
      JSON.stringify({ ...found, more: 1 }),
      JSON.stringify({ ...found, digest: "sha256:x" }),
    ])
      assert.equal(parseResult(text), undefined);
  });
});
