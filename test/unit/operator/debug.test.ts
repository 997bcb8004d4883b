import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { Store, createLogger } from "../../../src/kube/index.ts";
import { debugReport, serveDebug } from "../../../src/operator/debug.ts";
import { followLogLevel } from "../../../src/operator/log-level.ts";
import { readOptions } from "../../../src/operator/options.ts";
import { FakeClock } from "../kube/fake-clock.ts";

const type = { group: "", version: "v1", kind: "Secret", plural: "secrets", namespaced: true };

function inspected() {
  const store = new Store();
  store.put({ metadata: { name: "hidden-name", namespace: "hidden-space" }, data: { key: "hidden-value" } } as never);
  const informer = { type, store, ageMs: () => 1_240, synced: () => true };
  return { informers: { keySecrets: informer }, controllers: [{ name: "serving", depth: 3, busyMs: () => 0 }] };
}

describe("/debug", () => {
  it("is off by itself", () => {
    assert.equal(readOptions([]).debugPort, undefined);
    assert.equal(readOptions(["--debug-port=6060"]).debugPort, 6060);
  });

  it("says how the process is, and nothing of any object", () => {
    const report = debugReport(inspected()) as Record<string, unknown>;
    assert.deepEqual(report["queues"], { serving: { waiting: 3, busySeconds: 0 } });
    assert.deepEqual(report["watches"], { keySecrets: { kind: "Secret", objects: 1, synced: true, ageSeconds: 1.2 } });
    assert.ok((report["memory"] as { heapUsed: number }).heapUsed > 0);
    assert.doesNotMatch(JSON.stringify(report), /hidden/);
  });

  it("is answered on loopback, and nothing else is", async () => {
    const server = await serveDebug(inspected(), 0);
    try {
      const ask = async (path: string): Promise<number> => {
        const { statusCode, body } = await request(`http://127.0.0.1:${server.port}${path}`);
        await body.dump();
        return statusCode;
      };
      assert.equal(await ask("/debug"), 200);
      assert.equal(await ask("/debug/other"), 404);
      await assert.rejects(request(`http://127.0.0.2:${server.port}/debug`), /ECONNREFUSED/);
    } finally {
      await server.close();
    }
  });
});

describe("the level of the log", () => {
  it("follows its file, and nothing but levels", async () => {
    const directory = await mkdtemp(join(tmpdir(), "log-level-"));
    try {
      const file = join(directory, "logLevel");
      const lines: string[] = [];
      const log = createLogger({ level: "info", destination: { write: (line) => void lines.push(line) } });
      const [clock, stop] = [new FakeClock(), new AbortController()];
      const following = followLogLevel(file, { log, clock }, stop.signal);
      const says = async (text: string | undefined, expected: string): Promise<void> => {
        await (text === undefined ? rm(file, { force: true }) : writeFile(file, text));
        // Files are read by threads, whose clock is no fake one.
        for (let tries = 0; tries < 200 && (tries < 3 || log.level !== expected); tries++) {
          await clock.advance(5_000);
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
        assert.equal(log.level, expected);
      };
      await says(undefined, "info");
      await says("debug\n", "debug");
      await says(undefined, "debug");
      await says("error", "error");
      await says("warn", "warn");
      await says("loud", "warn");
      assert.match(lines.at(-1) ?? "", /stays warn.*loud.*write one of trace, debug, info, warn, error/);
      stop.abort();
      await following;
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
