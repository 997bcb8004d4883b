import assert from "node:assert/strict";
import { kinds, VERSION } from "../../../src/api/index.ts";
import { type Answer, known } from "../../../src/cli/ask.ts";
import { decide, exitStatus, type Outcome } from "../../../src/cli/preflight/decide.ts";
import type { Facts } from "../../../src/cli/preflight/facts.ts";
import { facts } from "./facts.ts";

const unknown: Answer<never> = { state: "unknown", reason: "403 forbidden" };
const absent: Answer<never> = { state: "absent" };
const release = (minor: number, major = 1) => ({ major, minor, name: `v${major}.${minor}.0` });
const node = (runtime: string, ready = true) => ({ name: "a", ready, runtime });
const definition = (plural: string, ...served: string[]) => ({ plural, group: "mlsecops.io", served });

describe("the preflight's checks", () => {
  const table: readonly (readonly [string, string, Partial<Facts>, Outcome, RegExp])[] = [
    ["API server", "1.35", {}, "ok", /^v1\.35\.4$/],
    ["API server", "1.33", { version: release(33) }, "ok", /1\.33/],
    ["API server", "2.0", { version: release(0, 2) }, "ok", /2\.0/],
    ["API server", "1.32", { version: release(32) }, "lacking", /older than 1\.33/],
    ["API server", "no number", { version: release(Number.NaN) }, "lacking", /older/],
    ["image volumes", "1.35", { imageVolumeGate: absent }, "ok", /by default/],
    ["image volumes", "1.34, gate on", { version: release(34) }, "ok", /kubelets need it too/],
    ["image volumes", "1.34, off", { version: release(34), imageVolumeGate: known(false) }, "lacking", /is off/],
    ["image volumes", "1.34, not said", { version: release(34), imageVolumeGate: absent }, "unknown", /not say/],
    ["image volumes", "1.34, no right", { version: release(34), imageVolumeGate: unknown }, "unknown", /403/],
    ["image volumes", "1.32", { version: release(32) }, "lacking", /1\.33/],
    ["admission policies", "both kinds", {}, "ok", /served/],
    ["admission policies", "no group", { admissionKinds: absent }, "lacking", /Policy and .*Binding v1 not served/],
    [
      "admission policies",
      "one",
      { admissionKinds: known(["ValidatingAdmissionPolicy"]) },
      "lacking",
      /^\S+Binding v1/,
    ],
    ["admission policies", "no answer", { admissionKinds: unknown }, "unknown", /403/],
    ["kinds", "all", {}, "ok", new RegExp(`^all ${kinds.length} are served at mlsecops\\.io/v1alpha1$`)],
    ["kinds", "none", { definitions: known([]) }, "ok", /not installed/],
    ["kinds", "another's", { definitions: known([{ ...definition("a"), group: "b.c" }]) }, "ok", /not installed/],
    [
      "kinds",
      "one",
      { definitions: known([definition("securemodels", VERSION)]) },
      "lacking",
      /: clustertrustpolicies, .*admissiongrants/,
    ],
    [
      "kinds",
      "another version",
      { definitions: known(kinds.map(({ resource }) => definition(resource.plural, "v1"))) },
      "lacking",
      /at mlsecops\.io\/v1alpha1: /,
    ],
    ["kinds", "no right", { definitions: unknown }, "unknown", /403/],
    ["rights to install", "all", {}, "ok", /all 1 things/],
    ["rights to install", "one denied", { rights: rights(true, false) }, "lacking", /^you cannot b$/],
    ["rights to install", "denied and unknown", { rights: rights(undefined, false) }, "lacking", /^you cannot b$/],
    ["rights to install", "one unknown", { rights: rights(true, undefined) }, "unknown", /403/],
    ["rights to install", "none asked", { rights: [] }, "unknown", /nothing was asked/],
    ["container runtime", "containerd 2.1", {}, "ok", /^node1 \(containerd:\/\/2\.1\.4\)$/],
    ["container runtime", "containerd 2.3-rc", { nodes: known([node("containerd://v2.3.0-rc.1")]) }, "ok", /rc/],
    ["container runtime", "containerd 3.0", { nodes: known([node("containerd://3.0.0")]) }, "ok", /3\.0/],
    ["container runtime", "containerd 2.0", { nodes: known([node("containerd://2.0.9")]) }, "lacking", /no image vol/],
    ["container runtime", "containerd 1.7", { nodes: known([node("containerd://1.7.29")]) }, "lacking", /1\.7/],
    ["container runtime", "CRI-O 1.33", { nodes: known([node("cri-o://1.33.0")]) }, "ok", /cri-o/],
    ["container runtime", "CRI-O 1.32", { nodes: known([node("cri-o://1.32.1")]) }, "lacking", /cri-o/],
    ["container runtime", "no version", { nodes: known([node("containerd://devel")]) }, "unknown", /no version/],
    ["container runtime", "simulated", { nodes: known([node("kwok-v0.7.0")]) }, "lacking", /kwok/],
    ["container runtime", "no name", { nodes: known([node("")]) }, "lacking", /no image/],
    ["container runtime", "not Ready", { nodes: known([node("containerd://2.1.0", false)]) }, "lacking", /none of 1/],
    ["container runtime", "no node", { nodes: known([]) }, "lacking", /none of 0/],
    [
      "container runtime",
      "one fit",
      { nodes: known([node("docker://28.0"), node("cri-o://1.34.0")]) },
      "ok",
      /^a \(cri-o:\/\/1\.34\.0\); keep models off a \(docker:\/\/28\.0\)$/,
    ],
    ["container runtime", "no right", { nodes: unknown }, "unknown", /403/],
    ["cluster DNS", "ready", {}, "ok", /kube-dns, 2 ready/],
    ["cluster DNS", "no Service", { dns: known({ services: [], readyEndpoints: 0 }) }, "unknown", /no Service/],
    ["cluster DNS", "not ready", { dns: known({ services: ["dns"], readyEndpoints: 0 }) }, "lacking", /no ready/],
    ["cluster DNS", "no right", { dns: unknown }, "unknown", /403/],
    ["network policies", "kindnet", {}, "ok", /kindnet/],
    [
      "network policies",
      "Calico's kinds",
      { daemonSets: unknown, definitions: known([{ ...definition("a"), group: "crd.projectcalico.org" }]) },
      "ok",
      /Calico/,
    ],
    ["network policies", "Flannel", { daemonSets: known(["kube-flannel-ds"]) }, "unknown", /no network known/],
    ["network policies", "no answer", { daemonSets: unknown, definitions: unknown }, "unknown", /no network known/],
  ];
  for (const [name, what, changes, outcome, message] of table)
    it(`${name}, ${what}: ${outcome}`, () => {
      const check = decide(known(facts(changes))).find((check) => check.name === name);
      assert.ok(check);
      assert.equal(check.outcome, outcome, check.message);
      assert.match(check.message, message);
      // Whoever lacks something is told what to do.
      assert.equal(check.remedy === undefined, outcome === "ok");
    });

  it("ask a cluster that does not answer nothing else", () => {
    const checks = decide({ state: "unknown", reason: "connect ECONNREFUSED" });
    assert.deepEqual(
      checks.map(({ name, outcome, message }) => [name, outcome, message]),
      [["API server", "unknown", "connect ECONNREFUSED"]],
    );
  });

  it("leave out what only pods need, if asked to", () => {
    const checks = decide(known(facts({ nodes: known([]), dns: unknown })), { nodes: false });
    assert.deepEqual(
      checks.map((check) => check.name),
      ["API server", "image volumes", "admission policies", "kinds", "rights to install"],
    );
    assert.equal(exitStatus(checks), 0);
  });

  const statuses: readonly (readonly [string, Answer<Facts>, number])[] = [
    ["nothing lacks", known(facts()), 0],
    ["the network is not recognised", known(facts({ daemonSets: absent })), 0],
    ["something cannot be told", known(facts({ dns: unknown })), 3],
    ["something lacks", known(facts({ nodes: known([]) })), 1],
    ["something lacks and something cannot be told", known(facts({ nodes: known([]), dns: unknown })), 1],
    ["the cluster does not answer", unknown, 3],
  ];
  for (const [what, answer, status] of statuses)
    it(`end with ${status} if ${what}`, () => {
      assert.equal(exitStatus(decide(answer)), status);
    });
});

function rights(...allowed: (boolean | undefined)[]): Facts["rights"] {
  return allowed.map((value, index) => ({
    name: "abc".charAt(index),
    allowed: value === undefined ? unknown : known(value),
  }));
}
