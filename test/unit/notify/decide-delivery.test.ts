import assert from "node:assert/strict";
import { type Answer, decideDelivery, retryAfterMs } from "../../../src/notify/index.ts";

const now = new Date("2026-01-01T00:00:00Z");
const decide = (answer: Answer, failures = 1) => decideDelivery(answer, { failures, now, random: () => 0 });
const status = (code: number, retryAfter?: string): Answer => ({ kind: "Status", status: code, retryAfter });

describe("what follows an attempt to deliver", () => {
  for (const code of [200, 201, 202, 204, 299])
    it(`is nothing after ${code}`, () => assert.deepEqual(decide(status(code)), { kind: "Delivered" }));

  for (const code of [408, 425, 429, 500, 502, 503, 504, 599]) {
    it(`is another attempt after ${code}`, () =>
      assert.deepEqual(decide(status(code)), {
        kind: "Retry",
        afterMs: 1_000,
        message: `the receiver answers ${code}`,
      }));
  }

  for (const code of [400, 401, 403, 404, 405, 409, 410, 413, 415, 422]) {
    it(`is nothing more after ${code}`, () =>
      assert.deepEqual(decide(status(code)), {
        kind: "GiveUp",
        result: "Refused",
        message: `the receiver answers ${code}`,
      }));
  }

  for (const code of [301, 302, 303, 307, 308]) {
    it(`is nothing more after a redirect by ${code}`, () => {
      const next = decide(status(code));
      assert.equal(next.kind, "GiveUp");
      assert.match(next.message, /give the final address/);
    });
  }

  for (const code of ["ConnectionFailed", "NameNotResolved", "TlsFailed", "Timeout", "TooLarge"] as const) {
    it(`is another attempt after ${code}`, () =>
      assert.equal(decide({ kind: "NotSent", code, message: "m" }).kind, "Retry"));
  }

  for (const code of ["AddressDenied", "HostNotAllowed", "SchemeNotAllowed", "InvalidUrl"] as const) {
    it(`is nothing more after ${code}`, () =>
      assert.deepEqual(decide({ kind: "NotSent", code, message: "m" }), {
        kind: "GiveUp",
        result: "NotAllowed",
        message: "m",
      }));
  }

  it("is another attempt where it could not be signed", () =>
    assert.equal(decide({ kind: "NoKey", message: "no Secret" }).kind, "Retry"));

  it("waits twice as long each time, up to five minutes, with jitter below that", () => {
    const waits = [1, 2, 3, 4, 9, 10, 500].map((failures) => {
      const next = decide(status(503), failures);
      return next.kind === "Retry" ? next.afterMs / 1_000 : NaN;
    });
    assert.deepEqual(waits, [1, 2, 4, 8, 256, 300, 300]);
    const jittered = decideDelivery(status(503), { failures: 10, now, random: () => 0.999 });
    assert.ok(jittered.kind === "Retry" && jittered.afterMs > 150_000 && jittered.afterMs < 151_000);
  });

  it("waits as long as the receiver asks, and no shorter than it would by itself", () => {
    const wait = (text: string, failures = 1) => {
      const next = decide(status(429, text), failures);
      return next.kind === "Retry" ? next.afterMs : NaN;
    };
    assert.equal(wait("120"), 120_000);
    assert.equal(wait("Thu, 01 Jan 2026 00:01:00 GMT"), 60_000);
    assert.equal(wait("0"), 1_000);
    assert.equal(wait("3", 5), 16_000);
  });

  it("takes no other word for a time to wait", () => {
    for (const text of [undefined, "", "soon", "-5", "1e9", "Wed, 31 Dec 2025 00:00:00 GMT"])
      assert.equal(retryAfterMs(text, now), 0, text);
  });
});
