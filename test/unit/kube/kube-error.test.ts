import assert from "node:assert/strict";
import { errorFromResponse, errorFromStatus, isKubeError, parseRetryAfter } from "../../../src/kube/kube-error.ts";
import { KubeError, type KubeErrorCode } from "../../../src/kube/index.ts";

const status = (reason: string, extra: object = {}): string =>
  JSON.stringify({ kind: "Status", reason, message: `because of ${reason}`, ...extra });

describe("errors of the API server", () => {
  const cases: readonly [number, string, KubeErrorCode][] = [
    [400, status("BadRequest"), "BadRequest"],
    [401, status("Unauthorized"), "Unauthorized"],
    [403, status("Forbidden"), "Forbidden"],
    [404, status("NotFound"), "NotFound"],
    [405, status("MethodNotAllowed"), "BadRequest"],
    [408, "", "Timeout"],
    [409, status("AlreadyExists"), "AlreadyExists"],
    [409, status("Conflict"), "Conflict"],
    [409, "not JSON", "Conflict"],
    [410, status("Expired"), "Gone"],
    [413, "too large", "BadRequest"],
    [415, status("UnsupportedMediaType"), "BadRequest"],
    [422, status("Invalid"), "Invalid"],
    [429, status("TooManyRequests"), "TooManyRequests"],
    [500, status("InternalError"), "Unavailable"],
    [502, "<html>bad gateway</html>", "Unavailable"],
    [503, "", "Unavailable"],
    [504, status("Timeout"), "Timeout"],
  ];
  for (const [code, body, expected] of cases) {
    it(`${code} ${body.slice(0, 40)} is ${expected}`, () => {
      const error = errorFromResponse(code, body);
      assert.equal(error.code, expected);
      assert.equal(error.status, code);
      assert.notEqual(error.message, "");
    });
  }

  it("keep reason, message and the wait that was asked for", () => {
    const error = errorFromResponse(429, status("TooManyRequests", { details: { retryAfterSeconds: 3 } }));
    assert.equal(error.reason, "TooManyRequests");
    assert.equal(error.message, "because of TooManyRequests");
    assert.equal(error.retryAfterMs, 3000);
    assert.equal(errorFromResponse(429, "", 7000).retryAfterMs, 7000);
  });

  it("quote a bounded part of a body that is not a Status", () => {
    assert.ok(errorFromResponse(502, "x".repeat(100_000)).message.length <= 256);
  });

  it("are read from the ERROR event of a watch, whatever it contains", () => {
    assert.equal(errorFromStatus({ kind: "Status", code: 410, reason: "Expired" }).code, "Gone");
    for (const value of [undefined, null, "text", 7, {}]) assert.equal(errorFromStatus(value).code, "Unavailable");
  });

  it("are told apart by code", () => {
    const error = new KubeError("Gone", "expired");
    assert.ok(isKubeError(error));
    assert.ok(isKubeError(error, "Conflict", "Gone"));
    assert.ok(!isKubeError(error, "Conflict"));
    assert.ok(!isKubeError(new Error("other")));
  });
});

describe("Retry-After", () => {
  const now = new Date("2026-01-01T00:00:00Z");
  const cases: readonly [string | undefined, number | undefined][] = [
    [undefined, undefined],
    ["2", 2000],
    [" 0 ", 0],
    ["Thu, 01 Jan 2026 00:00:05 GMT", 5000],
    ["Wed, 31 Dec 2025 23:00:00 GMT", 0],
    ["soon", undefined],
    ["", undefined],
  ];
  for (const [header, expected] of cases) {
    it(`${JSON.stringify(header)} is ${String(expected)}`, () => assert.equal(parseRetryAfter(header, now), expected));
  }
});
