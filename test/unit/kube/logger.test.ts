import assert from "node:assert/strict";
import { createLogger } from "../../../src/kube/index.ts";

function capture(): { lines: Record<string, unknown>[]; destination: { write(line: string): void } } {
  const lines: Record<string, unknown>[] = [];
  return { lines, destination: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) } };
}

describe("logger", () => {
  it("writes JSON lines with a readable level and time", () => {
    const { lines, destination } = capture();
    createLogger({ level: "info", destination }).warn({ key: "ns/a" }, "hello");
    const line = lines[0] ?? {};
    assert.equal(line["level"], "warn");
    assert.equal(line["msg"], "hello");
    assert.equal(line["key"], "ns/a");
    assert.match(String(line["time"]), /^\d{4}-\d\d-\d\dT/);
  });

  it("obeys its level", () => {
    const { lines, destination } = capture();
    createLogger({ level: "warn", destination }).info("quiet");
    assert.equal(lines.length, 0);
  });

  it("redacts secrets wherever they usually are", () => {
    const { lines, destination } = capture();
    const secret = "s3cr3t";
    createLogger({ level: "info", destination }).info({
      token: secret,
      request: { headers: { authorization: `Bearer ${secret}`, Authorization: secret } },
      registry: { password: secret, username: "me" },
    });
    assert.ok(!JSON.stringify(lines).includes(secret), JSON.stringify(lines));
    assert.ok(JSON.stringify(lines).includes("me"));
  });
});
