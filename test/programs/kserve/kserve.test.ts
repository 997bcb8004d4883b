import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Egress } from "../../../src/egress/index.ts";
import {
  type Look,
  type Probe,
  askPrometheus,
  fillQuery,
  inferenceQuery,
  probePod,
} from "../../../src/health/index.ts";
import { freePort } from "../../support/free-port.ts";

const address = "127.0.0.1";
const signal = new AbortController().signal;
const subject = { namespace: "shop", model: "sum", revision: "sum-a", pods: ["sum-a-1"] };

/** A golden request, as in spec.health: 1 + 2 + 3 is 6. */
const probe: Probe = {
  path: "/v2/models/sum/infer",
  method: "POST",
  body: request("FP64", [1, 2, 3]),
  status: 200,
  json: [{ path: "outputs[0].data[0]", number: 6, tolerance: 0.01 }],
  maxLatencyMs: 10_000,
};

function request(datatype: string, data: readonly unknown[]): string {
  return JSON.stringify({ inputs: [{ name: "x", shape: [data.length], datatype, data }] });
}

/** The guardian's eyes, beside model servers of KServe's SDK and a Prometheus that scrapes one of them. */
describe("the signals of a model that KServe's SDK serves", function () {
  this.timeout(120_000);
  const children: ChildProcess[] = [];
  const egress = new Egress({ plainHttpHosts: "All", addressCheck: () => undefined });
  const ports = { good: 0, wrong: 0, prometheus: 0 };
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "kserve-"));
    for (const name of ["good", "wrong", "prometheus"] as const) ports[name] = await freePort();
    const python = join(process.env["KSERVE_VENV"] ?? "", "bin/python");
    for (const version of ["good", "wrong"] as const)
      start(python, ["-B", join(import.meta.dirname, "server.py"), String(ports[version]), version]);
    const config = join(directory, "prometheus.yml");
    const labels = { namespace: subject.namespace, pod: subject.pods[0] };
    const target = { targets: [`${address}:${ports.good}`], labels };
    const scrape = { job_name: "models", scrape_interval: "1s", static_configs: [target] };
    // JSON is YAML.
    await writeFile(config, JSON.stringify({ scrape_configs: [scrape] }));
    const storage = `--storage.tsdb.path=${join(directory, "data")}`;
    start("prometheus", [`--config.file=${config}`, storage, `--web.listen-address=${address}:${ports.prometheus}`]);
    for (const port of [ports.good, ports.wrong])
      await eventually("a server is ready", () => answers(port, "/v2/health/ready"));
    await eventually("Prometheus is ready", () => answers(ports.prometheus, "/-/ready"));
  });
  after(async () => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    }
    await rm(directory, { recursive: true, force: true });
  });

  function start(program: string, parts: readonly string[]): void {
    children.push(spawn(program, parts, { stdio: "ignore" }));
  }

  async function answers(port: number, path: string, body?: string): Promise<boolean> {
    const method = body === undefined ? "GET" : "POST";
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const url = `http://${address}:${port}${path}`;
    const asked = {
      url,
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      maxBytes: 1_000_000,
      signal,
    } as const;
    return egress.request(asked).then(
      ({ status }) => status === 200,
      () => false,
    );
  }

  async function eventually(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + 60_000;
    while (!(await isSo())) {
      assert.ok(Date.now() < end, `not within 60 s: ${what}`);
      await pause(200);
    }
  }

  async function metric(name: "ErrorRatio" | "MeanLatency"): Promise<Look> {
    const query = fillQuery(inferenceQuery(name), subject);
    assert.ok("query" in query);
    const server = { url: `http://${address}:${ports.prometheus}` };
    return askPrometheus(egress, server, query, { now: new Date(), signal, timeoutMs: 5_000 });
  }

  async function valueOf(name: "ErrorRatio" | "MeanLatency"): Promise<number> {
    const look = await metric(name);
    return look.kind === "Value" ? look.value : NaN;
  }

  const monotonic = () => performance.now();

  it("are good for a golden request that is answered rightly", async () => {
    const look = await probePod(egress, { address, port: ports.good }, probe, { signal, monotonic });
    assert.equal(look.kind, "Value", JSON.stringify(look));
  });

  it("are bad for one that is answered wrongly, and say what came", async () => {
    const look = await probePod(egress, { address, port: ports.wrong }, probe, { signal, monotonic });
    assert.equal(look.kind, "Wrong");
    assert.match(JSON.stringify(look), /outputs\[0\]\.data\[0\] is 7, not 6/);
  });

  it("are those of a model that is ready at the path of the protocol", async () => {
    assert.ok(await answers(ports.good, "/v2/models/sum/ready"));
    assert.equal(await answers(ports.good, "/v2/models/other/ready"), false);
  });

  it("are given by its metrics: no failures, and a latency", async () => {
    await eventually("it is scraped under load", async () => {
      assert.ok(await answers(ports.good, probe.path, probe.body));
      return (await valueOf("MeanLatency")) > 0;
    });
    assert.equal(await valueOf("ErrorRatio"), 0);
  });

  it("are given by its metrics: the share of requests that failed", async () => {
    await eventually("failures are counted", async () => {
      assert.equal(await answers(ports.good, probe.path, request("BYTES", ["a"])), false);
      return (await valueOf("ErrorRatio")) > 0.3;
    });
    assert.ok((await valueOf("ErrorRatio")) < 1);
  });
});
