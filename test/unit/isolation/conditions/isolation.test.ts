import assert from "node:assert/strict";
import { SecureNamespaceStatus } from "../../../../src/api/index.ts";
import {
  breachNews,
  breachesStatus,
  isolationCondition,
  whyBreached,
} from "../../../../src/isolation/conditions/isolation.ts";
import type { Breach, Excess } from "../../../../src/reach/index.ts";

const generation = 2;

function breach(name: string, changes: Partial<Breach> = {}): Breach {
  return {
    object: { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", namespace: "shop", name },
    direction: "Ingress",
    reason: "PolicyWidens",
    allows: "ingress from everybody on every port",
    pods: { count: 2, examples: ["web-1", "web-2"] },
    ...changes,
  };
}

function excessOf(...breaches: readonly Breach[]): Excess {
  return { breaches, total: breaches.length };
}

const none = excessOf();

function said(excess: Excess, unknown: readonly string[], enforcement: "Audit" | "Enforce" = "Enforce") {
  const { status, reason, message } = isolationCondition({ excess, unknown }, { enforcement, generation });
  return [`${status}/${reason}`, message] as const;
}

describe("the condition Isolated", () => {
  it("is true where nothing is beyond the declaration, and all is known", () => {
    assert.equal(said(none, [])[0], "True/Isolated");
  });

  it("names what opens the namespace, for which pods, and how many more there are", () => {
    const [state, message] = said(excessOf(breach("allow-all"), breach("other")), []);
    assert.equal(state, "False/PolicyWidens");
    assert.equal(
      message,
      "NetworkPolicy shop/allow-all: ingress from everybody on every port; 2 pods, for example web-1; and 1 more, see status.breaches",
    );
  });

  it("says of what is open with no pod behind it that one may come", () => {
    const [, message] = said(excessOf(breach("allow-all", { pods: { count: 0, examples: [] } })), []);
    assert.match(message, /no pod that is there now, any that comes$/);
  });

  it("is unknown where something could not be read, but a breach is one all the same", () => {
    const unknown = ["httproutes cannot be listed: no right", "tcproutes cannot be listed: no right"];
    const [state, message] = said(none, unknown);
    assert.equal(state, "Unknown/ReachUnknown");
    assert.match(message, /httproutes cannot be listed: no right \(and 1 more\)/);
    assert.equal(said(excessOf(breach("allow-all")), unknown)[0], "False/PolicyWidens");
  });

  it("never claims anything in an audit, and still says what is open", () => {
    assert.deepEqual(said(none, [], "Audit"), ["False/Audit", "no traffic is cut: set spec.enforcement to Enforce"]);
    assert.match(said(excessOf(breach("allow-all")), [], "Audit")[1], /NetworkPolicy shop\/allow-all/);
  });

  it("keeps an enforced namespace from being ready only where something is open", () => {
    assert.equal(whyBreached({ excess: none, unknown: ["x"] }), undefined);
    const why = whyBreached({ excess: excessOf(breach("allow-all")), unknown: [] });
    assert.equal(why?.reason, "IsolationBreached");
    assert.match(why.message, /declare it in spec\.network/);
  });
});

describe("the breaches in a status", () => {
  it("are bounded, counted in full, and of the shape that the API server takes", () => {
    const many = Array.from({ length: 50 }, (_, n) => breach(`policy-${n}`));
    const breaches = breachesStatus("shop", { breaches: many, total: 70 });
    assert.equal(breaches.count, 70);
    assert.equal(breaches.examples.length, 16);
    assert.ok(SecureNamespaceStatus.safeParse({ breaches }).success);
  });

  it("name the namespace of what is in another", () => {
    const object = { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", namespace: "edge", name: "in" };
    const { examples } = breachesStatus("shop", excessOf(breach("x", { object }), breach("own")));
    assert.deepEqual(
      examples.map(({ name }) => name),
      ["edge/in", "own"],
    );
  });
});

describe("news of breaches", () => {
  const status = (...names: readonly string[]) =>
    breachesStatus("shop", excessOf(...names.map((name) => breach(name))));
  const news = (before: readonly string[] | undefined, after: readonly string[]) =>
    breachNews(before === undefined ? undefined : status(...before), status(...after)).map(
      ({ type, reason, note }) => `${type} ${reason} ${note.split(":")[0] ?? ""}`,
    );

  it("are of what was not there before, and of what is there no more", () => {
    assert.deepEqual(news(undefined, []), []);
    assert.deepEqual(news(undefined, ["a"]), ["Warning BreachFound NetworkPolicy a"]);
    assert.deepEqual(news(["a"], ["a"]), []);
    assert.deepEqual(news(["a"], ["b"]), [
      "Warning BreachFound NetworkPolicy b",
      "Normal BreachClosed NetworkPolicy a lets nothing through any more that is not declared",
    ]);
    assert.match(breachNews(status(), status("a", "b", "c"))[0]?.note ?? "", /\(and 2 more\)$/);
  });

  it("do not take what is only not listed for closed", () => {
    const after = { ...status("b"), count: 40 };
    assert.deepEqual(
      breachNews(status("a", "b"), after).map(({ reason }) => reason),
      [],
    );
  });
});
