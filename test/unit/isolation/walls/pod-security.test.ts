import assert from "node:assert/strict";
import type { KubeObject } from "../../../../src/kube/index.ts";
import {
  type NamespaceMarks,
  podSecurityMarks,
  podSecurityReturned,
} from "../../../../src/isolation/walls/pod-security.ts";

const key = (name: string) => `pod-security.kubernetes.io/${name}`;
const spec = (enforcement: "Audit" | "Enforce") => ({ enforcement, podSecurity: "restricted" as const });

function marked(namespace: KubeObject, { labels, annotations }: NamespaceMarks): KubeObject {
  const merged = (before: object = {}, after: object) =>
    Object.fromEntries(Object.entries({ ...before, ...after }).filter(([, value]) => value !== undefined)) as Record<
      string,
      string
    >;
  const { metadata } = namespace;
  return {
    metadata: {
      ...metadata,
      labels: merged(metadata.labels, labels),
      annotations: merged(metadata.annotations, annotations),
    },
  };
}

describe("labels of Pod Security", () => {
  const labels = { team: "a", [key("enforce")]: "privileged", [key("warn")]: "baseline" };
  const before: KubeObject = { metadata: { name: "shop", labels } };

  it("Audit warns and notes, and refuses no more than before", () => {
    const audited = marked(before, podSecurityMarks(before, spec("Audit")));
    assert.equal(audited.metadata.labels?.[key("enforce")], "privileged");
    assert.equal(audited.metadata.labels[key("enforce-version")], undefined);
    assert.equal(audited.metadata.labels[key("warn")], "restricted");
    assert.equal(audited.metadata.labels[key("audit-version")], "latest");
  });

  it("Enforce refuses, Audit gives back, and deletion gives back all", () => {
    const enforced = marked(before, podSecurityMarks(before, spec("Enforce")));
    assert.equal(enforced.metadata.labels?.[key("enforce")], "restricted");
    assert.equal(enforced.metadata.labels[key("enforce-version")], "latest");
    const again = marked(enforced, podSecurityMarks(enforced, spec("Enforce")));
    assert.deepEqual(again, enforced);
    const audited = marked(again, podSecurityMarks(again, spec("Audit")));
    assert.equal(audited.metadata.labels?.[key("enforce")], "privileged");
    const returned = podSecurityReturned(audited);
    assert.ok(returned !== undefined);
    assert.deepEqual(marked(audited, returned), { metadata: { name: "shop", labels, annotations: {} } });
  });

  it("gives back nothing where it has taken nothing", () => {
    assert.equal(podSecurityReturned(before), undefined);
  });

  it("an annotation that cannot be read opens nothing", () => {
    const enforced = marked(before, podSecurityMarks(before, spec("Enforce")));
    for (const text of ["{", "[1]", '{"enforce":1}']) {
      const broken = marked(enforced, { labels: {}, annotations: { "mlsecops.io/pod-security-before": text } });
      assert.equal(podSecurityReturned(broken), undefined);
      assert.equal(podSecurityMarks(broken, spec("Audit")).labels[key("enforce")], "restricted");
    }
  });
});
