import assert from "node:assert/strict";
import type { HttpRouteTraffic } from "../../../src/api/index.ts";
import { includes } from "../../../src/kube/apply-changes.ts";
import type { KubeObject } from "../../../src/kube/index.ts";
import { type TrafficSplit, httpRoute, serviceShare, trafficDriver } from "../../../src/traffic/index.ts";
import { MODEL, NOBODY, model, ofRevision, revision, services, specOf, split, two } from "./support.ts";

const traffic: HttpRouteTraffic = {
  parentRefs: [{ name: "public", namespace: "gateways", sectionName: "https" }, { name: "inner" }],
  hostnames: ["iris.example.com"],
};
const driver = httpRoute(traffic);

interface RouteSpec {
  readonly parentRefs: readonly unknown[];
  readonly hostnames: readonly string[];
  readonly rules: readonly {
    readonly filters: readonly unknown[];
    readonly backendRefs: readonly { readonly name: string; readonly weight: number }[];
  }[];
}

function routeSpec(objects: readonly KubeObject[]): RouteSpec {
  const route = objects.at(-1);
  assert.equal(route?.kind, "HTTPRoute");
  return specOf(route) as RouteSpec;
}
const weights = (parts: Partial<TrafficSplit>) =>
  routeSpec(driver.objects(model, split(parts))).rules.flatMap(({ backendRefs }) =>
    backendRefs.map(({ weight }) => weight),
  );
const selectors = (parts: Partial<TrafficSplit>) =>
  Object.fromEntries(
    Object.entries(services(driver.objects(model, split(parts)))).map(([name, { selector }]) => [name, selector]),
  );

describe("traffic by a route of the Gateway API", () => {
  const [first, second] = [ofRevision("iris-one"), ofRevision("iris-two")];

  it("has a Service for each revision, and a route after them that weighs the two", () => {
    const objects = driver.objects(model, split({ weight: 10 }));
    assert.deepEqual(
      objects.map(({ apiVersion, kind, metadata }) => `${apiVersion ?? ""} ${kind ?? ""} ${metadata.name}`),
      [
        "v1 Service iris-active",
        "v1 Service iris-candidate",
        "v1 Service iris",
        "gateway.networking.k8s.io/v1 HTTPRoute iris",
      ],
    );
    const backend = { group: "", kind: "Service", port: 80 };
    assert.deepEqual(routeSpec(objects), {
      parentRefs: [
        {
          group: "gateway.networking.k8s.io",
          kind: "Gateway",
          name: "public",
          namespace: "gateways",
          sectionName: "https",
        },
        { group: "gateway.networking.k8s.io", kind: "Gateway", name: "inner" },
      ],
      hostnames: ["iris.example.com"],
      rules: [
        {
          matches: [{ path: { type: "PathPrefix", value: "/" } }],
          filters: [],
          backendRefs: [
            { ...backend, name: "iris-active", weight: 90 },
            { ...backend, name: "iris-candidate", weight: 10 },
          ],
        },
      ],
    });
  });

  it("weighs from nothing to all", () => {
    for (const weight of [0, 1, 50, 99, 100]) assert.deepEqual(weights({ weight }), [100 - weight, weight]);
    assert.deepEqual(weights({ candidate: undefined, weight: 50 }), [100, 0]);
    assert.deepEqual(weights({ active: undefined, weight: 50 }), [0, 100]);
  });

  it("answers past the Gateway by the active revision, until the candidate gets all", () => {
    assert.deepEqual(selectors({ weight: 99 }), { "iris-active": first, "iris-candidate": second, iris: first });
    assert.deepEqual(selectors({ weight: 100 })["iris"], second);
  });

  it("leads a Gateway that is late to a revision that serves", () => {
    assert.deepEqual(selectors({ candidate: undefined }), {
      "iris-active": first,
      "iris-candidate": first,
      iris: first,
    });
    assert.deepEqual(selectors({ active: undefined, weight: 100 }), {
      "iris-active": second,
      "iris-candidate": second,
      iris: second,
    });
  });

  it("leads to the pods of both while one Deployment replaces those of one by those of the other", () => {
    const all = MODEL;
    assert.deepEqual(selectors({ candidate: undefined, inPlace: true, replacing: true }), {
      "iris-active": all,
      "iris-candidate": all,
      iris: all,
    });
    assert.deepEqual(selectors({ candidate: undefined, inPlace: true, replacing: false })["iris"], first);
  });

  it("leads nobody to a first revision that has no weight, but by its own address", () => {
    assert.deepEqual(selectors({ active: undefined, weight: 0 }), {
      "iris-active": NOBODY,
      "iris-candidate": second,
      iris: NOBODY,
    });
  });

  it("knows the port of each revision", () => {
    const found = services(driver.objects(model, split({ candidate: revision("iris-two", 9090), weight: 10 })));
    assert.deepEqual(
      Object.values(found).map(({ to }) => to),
      [[8080], [9090], [8080]],
    );
  });

  it("copies requests to a candidate, and is applied also where the copying ends", () => {
    const [copying, without] = [true, false].map((mirror) => driver.objects(model, split({ mirror })).at(-1));
    assert.ok(copying !== undefined && without !== undefined);
    assert.deepEqual(routeSpec([copying]).rules[0]?.filters, [
      {
        type: "RequestMirror",
        requestMirror: { backendRef: { group: "", kind: "Service", name: "iris-candidate", port: 80 } },
      },
    ]);
    assert.ok(!includes(copying, without));
    assert.deepEqual(
      routeSpec(driver.objects(model, split({ mirror: true, candidate: undefined }))).rules[0]?.filters,
      [],
    );
  });

  it("is applied also where a Gateway loses its listener", () => {
    const other = httpRoute({ ...traffic, parentRefs: [{ name: "public", namespace: "gateways" }, { name: "inner" }] });
    assert.ok(!includes(driver.objects(model, split()).at(-1), other.objects(model, split()).at(-1)));
  });

  it("keeps all addresses in quarantine, and nothing is behind them", () => {
    const objects = driver.quarantined(model, 8080);
    assert.deepEqual(services(objects), {
      "iris-active": { selector: NOBODY, to: [8080] },
      "iris-candidate": { selector: NOBODY, to: [8080] },
      iris: { selector: NOBODY, to: [8080] },
    });
    assert.equal(routeSpec(objects).rules[0]?.backendRefs.length, 2);
  });

  it("has names that fit, and belongs to its model", () => {
    const long = "m".repeat(52);
    const named = { ...model, metadata: { ...model.metadata, name: long } };
    for (const { metadata } of driver.objects(named, split())) {
      assert.ok(metadata.name.length <= 63);
      assert.equal(metadata.labels?.["mlsecops.io/model"], long);
      assert.equal(metadata.ownerReferences?.[0]?.name, long);
    }
  });

  it("is what a model asks for that names Gateways", () => {
    assert.equal(trafficDriver(undefined), serviceShare);
    assert.equal(trafficDriver({}), serviceShare);
    assert.deepEqual(trafficDriver({ httpRoute: traffic }).kinds, driver.kinds);
  });
});

describe("how far a route of the Gateway API is", () => {
  const now = split({ weight: 10 });
  const objects = driver.objects(model, now);
  const good = (generation = 3) =>
    ["Accepted", "ResolvedRefs"].map((type) => ({ type, status: "True", observedGeneration: generation }));
  const parents = (inner: readonly unknown[] = good(), outer: readonly unknown[] = good()) => [
    { parentRef: { name: "public", namespace: "gateways", sectionName: "https" }, conditions: outer },
    { parentRef: { name: "inner", namespace: "shop" }, conditions: inner },
  ];
  /** As it lives after the objects of a split have been applied. */
  const living = (answers: readonly unknown[], applied = objects) =>
    applied.map((object) =>
      object.kind === "HTTPRoute"
        ? { ...object, metadata: { ...object.metadata, generation: 3 }, status: { parents: answers } }
        : object,
    );
  const says = (answers: readonly unknown[]) => driver.progress(living(answers), now);

  it("is done when every Gateway has accepted this generation and found what it leads to", () => {
    assert.deepEqual(says(parents()), {
      done: true,
      message: "Gateways have accepted HTTPRoute iris: 90% to iris-active, 10% to iris-candidate",
    });
  });

  it("says which Gateway has not answered", () => {
    assert.deepEqual(says(parents().slice(1)), {
      done: false,
      message: "Gateway gateways/public (https) has not answered for HTTPRoute iris yet: is there one of that name?",
    });
    assert.equal(driver.progress(objects, now).message.match(/has not answered/g)?.length, 2);
  });

  it("does not take an older answer for one, nor one without a generation", () => {
    for (const conditions of [good(2), good().map(({ type, status }) => ({ type, status }))])
      assert.equal(
        says(parents(conditions)).message,
        "Gateway shop/inner does not accept HTTPRoute iris: it has not looked at generation 3 yet",
      );
  });

  it("repeats what a Gateway has against it", () => {
    const [accepted, resolved] = good();
    const no = { status: "False", reason: "NotAllowedByListeners", message: "no listener takes routes from shop" };
    assert.equal(
      says(parents([{ ...accepted, ...no }, resolved])).message,
      "Gateway shop/inner does not accept HTTPRoute iris: NotAllowedByListeners: no listener takes routes from shop",
    );
    const lost = { status: "False", reason: "BackendNotFound", message: "Service iris-active not found" };
    assert.equal(
      says(parents([accepted, { ...resolved, ...lost }])).message,
      "Gateway shop/inner does not find what HTTPRoute iris leads to: BackendNotFound: Service iris-active not found",
    );
    assert.match(says(parents([resolved])).message, /it does not say Accepted yet/);
  });

  it("needs one controller of a Gateway, where several answer", () => {
    const [refused] = parents([]).slice(1);
    assert.equal(says([refused, ...parents()]).done, true);
  });

  it("wants the weights and the copies that are asked for", () => {
    for (const before of [split({ weight: 5 }), split({ weight: 10, mirror: true })])
      assert.deepEqual(driver.progress(living(parents(), driver.objects(model, before)), now), {
        done: false,
        message: "HTTPRoute iris does not share requests as wanted yet",
      });
    const shadow = split({ mirror: true });
    assert.deepEqual(driver.progress(living(parents(), driver.objects(model, shadow)), shadow), {
      done: true,
      message:
        "Gateways have accepted HTTPRoute iris: 100% to iris-active, 0% to iris-candidate, a copy of each request to iris-candidate",
    });
  });

  it("wants the Services and the route to be there", () => {
    const services = living(parents()).filter(({ kind }) => kind === "Service");
    assert.equal(driver.progress(services, now).message, "HTTPRoute iris is not there yet");
    assert.equal(
      driver.progress(living(parents()).slice(1), now).message,
      "Service iris-active does not select its pods yet",
    );
    const after = split({ active: two, candidate: undefined, weight: 0 });
    assert.match(driver.progress(living(parents()), after).message, /^Service iris-active, iris does not select/);
  });

  it("reads what is not a route as one that is not there", () => {
    const broken = [...objects.slice(0, -1), { kind: "HTTPRoute", metadata: { name: "iris" } }];
    assert.match(driver.progress(broken, now).message, /^HTTPRoute iris cannot be read/);
  });

  it("has nothing to do where no revision is", () => {
    assert.equal(driver.progress([], split({ active: undefined, candidate: undefined })).done, true);
  });
});
