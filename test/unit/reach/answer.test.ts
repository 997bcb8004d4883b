import assert from "node:assert/strict";
import fc from "fast-check";
import { answer, parseFrom, parseTo } from "../../../src/reach/index.ts";
import { type RawObject, indexOf, namespace, pod, policy } from "./support/raw.ts";

const froms: readonly (readonly [string, object | RegExp])[] = [
  ["fraud/model-1", { kind: "Pod", namespace: "fraud", name: "model-1" }],
  ["fraud/model.v1", { kind: "Pod", namespace: "fraud", name: "model.v1" }],
  ["10.0.0.1", { kind: "Address", address: "10.0.0.1" }],
  ["fd00::1", { kind: "Address", address: "fd00::1" }],
  ["[fd00::1]", { kind: "Address", address: "fd00::1" }],
  ["model-1", /model-1: write NAMESPACE\/POD, or an IP address/],
  ["a/b/c", /write NAMESPACE\/POD/],
  ["Fraud/Model", /write NAMESPACE\/POD/],
  ["10.0.0.256", /write NAMESPACE\/POD/],
  ["", /write NAMESPACE\/POD/],
];

const tos: readonly (readonly [string, object | RegExp])[] = [
  ["fraud/web:80", { kind: "Pod", namespace: "fraud", name: "web", port: 80, protocol: "TCP" }],
  ["fraud/web:53/udp", { kind: "Pod", namespace: "fraud", name: "web", port: 53, protocol: "UDP" }],
  ["svc/fraud/web:80", { kind: "Service", namespace: "fraud", name: "web", port: 80, protocol: "TCP" }],
  ["svc/fraud/web:http", { kind: "Service", namespace: "fraud", name: "web", port: "http", protocol: "TCP" }],
  ["svc/web:80", { kind: "Pod", namespace: "svc", name: "web", port: 80, protocol: "TCP" }],
  ["192.0.2.1:443/SCTP", { kind: "Address", address: "192.0.2.1", port: 443, protocol: "SCTP" }],
  ["[fd00::1]:443", { kind: "Address", address: "fd00::1", port: 443, protocol: "TCP" }],
  ["fd00::1:443", /an IPv6 address as \[IP\]:PORT/],
  ["192.0.2.1", /write NAMESPACE\/POD:PORT/],
  ["fraud/web:0", /a number from 1 to 65535/],
  ["fraud/web:65536", /a number from 1 to 65535/],
  ["svc/fraud/web:65536", /a number from 1 to 65535/],
  ["fraud/web:http", /a number from 1 to 65535/],
  ["fraud/web:80/icmp", /one of TCP, UDP, SCTP/],
  ["example.com:443", /write NAMESPACE\/POD:PORT/],
  ["", /write NAMESPACE\/POD:PORT/],
];

const service = (name: string, spec: object): RawObject => ({
  kind: "Service",
  metadata: { name, namespace: "fraud" },
  spec,
});
const labels = { app: "web" };
const http = { containers: [{ name: "main", ports: [{ name: "http", containerPort: 8080 }] }] };
const world = indexOf([
  namespace("fraud"),
  pod("fraud/model", "10.0.0.1"),
  pod("fraud/web-1", "10.0.0.2", { labels, spec: http }),
  pod("fraud/web-2", "10.0.0.3", { labels: { ...labels, shut: "yes" }, spec: http }),
  policy("fraud/shut", { podSelector: { matchLabels: { shut: "yes" } } }),
  service("web", {
    clusterIP: "10.96.0.1",
    clusterIPs: ["10.96.0.1"],
    selector: labels,
    ports: [{ name: "http", port: 80, targetPort: "http" }],
  }),
  service("shut", { selector: { shut: "yes" }, ports: [{ port: 80, targetPort: 8080 }] }),
  service("nameless", { selector: labels, ports: [{ port: 80, targetPort: "none" }] }),
  service("headless", {
    clusterIP: "None",
    clusterIPs: ["None"],
    selector: labels,
    ports: [{ port: 80, targetPort: 8080 }],
  }),
  service("manual", { clusterIP: "10.96.0.2", ports: [{ port: 80 }] }),
  service("empty", { selector: { app: "none" }, ports: [{ port: 80 }] }),
  service("alias", { type: "ExternalName", externalName: "example.com" }),
]);

const answers: readonly (readonly [to: string, outcome: string, why: RegExp, backends: readonly string[]])[] = [
  ["fraud/web-1:8080", "Allowed", /no policy selects/, []],
  ["fraud/web-2:8080", "Denied", /NetworkPolicy fraud\/shut/, []],
  [
    "svc/fraud/web:80",
    "Allowed",
    /1 of 2 pods behind Service fraud\/web, such as fraud\/web-1/,
    ["fraud/web-1:8080", "fraud/web-2:8080"],
  ],
  ["svc/fraud/web:http", "Allowed", /1 of 2/, ["fraud/web-1:8080", "fraud/web-2:8080"]],
  ["10.96.0.1:80", "Allowed", /1 of 2/, ["fraud/web-1:8080", "fraud/web-2:8080"]],
  ["svc/fraud/shut:80", "Denied", /NetworkPolicy fraud\/shut/, ["fraud/web-2:8080"]],
  ["svc/fraud/nameless:80", "Denied", /no port of the name/, ["fraud/web-1:undefined", "fraud/web-2:undefined"]],
  ["svc/fraud/headless:8080", "Allowed", /1 of 2/, ["fraud/web-1:8080", "fraud/web-2:8080"]],
  ["svc/fraud/manual:80", "Unknown", /no selector/, []],
  ["10.96.0.2:80", "Unknown", /no selector/, []],
  ["svc/fraud/empty:80", "Denied", /no pod stands behind/, []],
  ["svc/fraud/alias:80", "Unknown", /example\.com/, []],
  ["svc/fraud/web:81", "Missing", /has no port TCP 81/, []],
  ["svc/fraud/web:80/UDP", "Missing", /has no port UDP 80/, []],
  ["svc/fraud/none:80", "Missing", /there is no Service fraud\/none/, []],
  ["fraud/none:80", "Missing", /there is no pod fraud\/none/, []],
];

describe("mlsecops reach", () => {
  for (const [text, expected] of froms) {
    it(`reads FROM ${JSON.stringify(text)}`, () => {
      const parsed = parseFrom(text);
      if (expected instanceof RegExp) assert.match(parsed.ok ? "" : parsed.problem, expected);
      else assert.deepEqual(parsed, { ok: true, value: expected });
    });
  }

  for (const [text, expected] of tos) {
    it(`reads TO ${JSON.stringify(text)}`, () => {
      const parsed = parseTo(text);
      if (expected instanceof RegExp) assert.match(parsed.ok ? "" : parsed.problem, expected);
      else assert.deepEqual(parsed, { ok: true, value: expected });
    });
  }

  it("reads any text, or says what to write", () => {
    const pieces = fc.array(
      fc.constantFrom("a", "svc", "/", ":", "[", "]", "1", "80", ".", "10.0.0.1", "::", "udp", " ", "é"),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          pieces.map((all) => all.join("")),
        ),
        (text) => {
          for (const parsed of [parseFrom(text), parseTo(text)])
            if (!parsed.ok) assert.match(parsed.problem, /write|the p/);
        },
      ),
    );
  });

  for (const [text, outcome, why, backends] of answers) {
    it(`answers for ${text}`, () => {
      const to = parseTo(text);
      assert.ok(to.ok);
      const reply = answer(world, { kind: "Pod", namespace: "fraud", name: "model" }, to.value);
      if (reply.state === "Missing") {
        assert.equal(outcome, "Missing");
        assert.match(reply.problem, why);
        return;
      }
      assert.equal(reply.answer.outcome, outcome);
      assert.match(reply.answer.why, why);
      assert.deepEqual(
        reply.answer.backends.map(({ pod, port }) => `${pod}:${port ?? "undefined"}`),
        backends,
      );
    });
  }

  it("says that a pod it is asked about is not there", () => {
    const to = parseTo("fraud/web-1:80");
    assert.ok(to.ok);
    const reply = answer(world, { kind: "Pod", namespace: "fraud", name: "gone" }, to.value);
    assert.deepEqual(reply, { state: "Missing", problem: "there is no pod fraud/gone" });
  });
});
