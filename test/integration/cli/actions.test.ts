import assert from "node:assert/strict";
import {
  type ModelAction,
  type ModelRevision,
  ModelRevisionSpec,
  parseObject,
  secureModel,
} from "../../../src/api/index.ts";
import { ActionReport } from "../../../src/cli/action/schema.ts";
import { HistoryReport } from "../../../src/cli/history/schema.ts";
import { type HealthRecord, encodeRecord } from "../../../src/health/index.ts";
import type { KubeObject } from "../../../src/kube/index.ts";
import { newRevision } from "../../../src/serving/index.ts";
import { apply, digest, image, must, randomName } from "../admission/support.ts";
import { mlsecops } from "./support/command.ts";
import { servingModel, verified, write } from "./support/fleet.ts";
import { withKubeconfig } from "./support/limited-kubeconfig.ts";

describe("mlsecops history, rollback, ban, promote, approve, pause and resume", function () {
  this.timeout(120_000);
  const namespace = randomName("cli-actions");
  const repository = "registry.example.com/models/iris";
  const reason = "INC-4711, it answers wrongly";
  /** What the spec asks for, as the operator would name it. */
  let newest: ModelRevision;
  let uid: string;

  const called = (...args: readonly string[]) => mlsecops([...args, "-n", namespace]);
  const acted = async (...args: readonly string[]) => {
    const { stdout, all, exitCode } = await called(...args, "-o", "json");
    assert.ok(stdout.startsWith("{"), all);
    return { exitCode, report: ActionReport.strict().parse(JSON.parse(stdout)) };
  };
  const actions = async (): Promise<readonly ModelAction[]> => {
    const list = await must(["get", "modelactions", "-n", namespace, "-o", "json"]);
    return (JSON.parse(list) as { readonly items: readonly ModelAction[] }).items;
  };
  const clear = () => must(["delete", "modelactions", "--all", "-n", namespace]);

  before(async () => {
    await must(["create", "namespace", namespace]);
    const model = servingModel(
      namespace,
      "iris",
      `${repository}@${digest("b")}`,
      verified(digest("b"), "signed", "release"),
    );
    await write(model);
    const living = JSON.parse(await must(["get", "securemodel", "iris", "-n", namespace, "-o", "json"])) as KubeObject;
    uid = living.metadata.uid ?? assert.fail();
    const parsed = parseObject(secureModel, living);
    assert.ok(parsed.ok);
    const artifact = { repository, digest: digest("b"), platformDigests: [] };
    const since = new Date().toISOString();
    const older: ModelRevision = {
      metadata: { name: "iris-older", namespace },
      spec: ModelRevisionSpec.parse({
        ...{ model: "iris", number: 1, hash: "older", artifact: { repository, digest: digest("a") } },
        serving: {
          template: { spec: { containers: [{ name: "runtime", image: image("c") }] } },
          ...{ modelMountPath: "/models", port: 8080 },
        },
      }),
    };
    newest = newRevision(parsed.value, artifact, [older]);
    const health = { observedGeneration: 1, servedFrom: since, healthyFrom: since };
    const verdict = (letter: string) => verified(digest(letter), "signed", "release");
    await write(
      { ...older, kind: "ModelRevision", status: { ...health, phase: "Superseded", verdict: verdict("a") } },
      { ...newest, kind: "ModelRevision", status: { ...health, phase: "Active", verdict: verdict("b") } },
      { ...model, status: { active: { revision: newest.metadata.name, digest: digest("b"), since } } },
    );
  });
  afterEach(clear);
  after(() => must(["delete", "namespace", namespace, "--wait=false"]));

  it("history: revisions, Events, what people decided, and plots of what was recorded", async () => {
    const now = Date.now();
    const samples = [0.01, 0.02, undefined, 0.12].map((value, index) => ({
      at: now + index * 1_000,
      ...(value === undefined ? { mark: "Blank" as const } : { mark: "Good" as const, value }),
    }));
    const record: HealthRecord = {
      revisions: [{ revision: newest.metadata.name, signals: { errors: { policy: "{}", samples } } }],
    };
    const owner = { apiVersion: "mlsecops.io/v1alpha1", kind: "SecureModel", name: "iris", uid };
    const event = { namespace, name: randomName("iris") };
    await apply([
      {
        ...{ apiVersion: "v1", kind: "ConfigMap" },
        metadata: { name: "iris-health", namespace, ownerReferences: [owner] },
        data: { "record.json": encodeRecord(record) },
      },
      {
        ...{ apiVersion: "events.k8s.io/v1", kind: "Event", metadata: event },
        eventTime: new Date(now).toISOString().replace("Z", "000Z"),
        ...{ type: "Normal", reason: "RevisionCreated", action: "Reconcile", note: "revision of digest b" },
        regarding: { ...owner, namespace },
        ...{ reportingController: "mlsecops.io/test", reportingInstance: "test" },
      },
    ]);
    await acted("pause", "smodel/iris", "--reason", reason);
    const { stdout, all, exitCode } = await called("history", "smodel/iris", "-o", "json");
    assert.equal(exitCode, 0, all);
    const report = HistoryReport.strict().parse(JSON.parse(stdout));
    assert.deepEqual(
      report.revisions.map(({ number, phase }) => [number, phase]),
      [
        [1, "Superseded"],
        [2, "Active"],
      ],
    );
    const found = new Set(report.timeline.map(({ source, what }) => `${source} ${what}`));
    for (const one of ["ModelRevision Created", "ModelRevision Served", "Event RevisionCreated", "ModelAction Pause"])
      assert.ok(found.has(one), `${one} is not among ${[...found].join(", ")}`);
    assert.deepEqual(
      report.signals.map(({ signal, samples: seen }) => [signal, seen.length]),
      [["errors", 4]],
    );
    const text = await called("history", "smodel/iris");
    assert.match(text.stdout, /errors +0\.12 +4 +▁▂·█/);
  });

  it("rollback: bans what serves under the caller's name, after a look at what there is to go back to", async () => {
    const tried = await acted("rollback", "smodel/iris", "--reason", reason, "--dry-run");
    assert.deepEqual([tried.exitCode, tried.report.outcome], [0, "DryRun"]);
    assert.deepEqual(await actions(), []);
    const { exitCode, report } = await acted("rollback", "smodel/iris", "--reason", reason);
    assert.equal(exitCode, 0);
    assert.equal(report.revision, newest.metadata.name);
    assert.match(report.effects.join(), /^revision iris-older \(number 1\) is started, once it verifies today/);
    const [action, ...others] = await actions();
    assert.deepEqual(others, []);
    assert.equal(action?.metadata.name, report.created);
    assert.match(report.created ?? "", /^iris-ban-[a-z0-9]{5}$/);
    const { username } = (
      JSON.parse(await must(["auth", "whoami", "-o", "json"])) as {
        readonly status: { readonly userInfo: { readonly username: string } };
      }
    ).status.userInfo;
    const expected = { type: "Ban", model: "iris", revision: newest.metadata.name, reason, requestedBy: username };
    assert.deepEqual(action?.spec, expected);
    // The operator has not seen it yet, and still it counts.
    assert.equal((await acted("ban", "smodel/iris", "--reason", reason)).report.outcome, "Nothing");
    const promoted = await acted("promote", "smodel/iris", "2", "--reason", reason);
    assert.deepEqual([promoted.exitCode, promoted.report.outcome], [0, "Done"]);
    assert.match(promoted.report.effects.join(), /is what the spec asks for/);
  });

  it("rollback: refuses where nothing is safe, and does it by force", async () => {
    await acted("ban", "smodel/iris", "iris-older", "--reason", reason);
    const refused = await called("rollback", "smodel/iris", "--reason", reason);
    assert.equal(refused.exitCode, 1, refused.all);
    assert.match(refused.stdout, /no revision is safe to go back to \(iris-older is banned\)/);
    assert.equal((await actions()).length, 1);
    const forced = await acted("rollback", "smodel/iris", "--reason", reason, "--force");
    assert.equal(forced.exitCode, 0);
    assert.match(forced.report.effects.join(), /what runs goes on: onNoSafeRevision is KeepServing/);
  });

  it("pause and resume", async () => {
    const first = await acted("pause", "smodel/iris", "--reason", reason);
    assert.deepEqual([first.exitCode, first.report.outcome], [0, "Done"]);
    const second = await acted("pause", "smodel/iris", "--reason", reason);
    assert.deepEqual([second.exitCode, second.report.outcome], [0, "Nothing"]);
    const refused = await acted("rollback", "smodel/iris", "--reason", reason);
    assert.deepEqual([refused.exitCode, refused.report.outcome], [1, "Refused"]);
    const tried = await acted("resume", "smodel/iris", "--dry-run");
    assert.deepEqual([tried.exitCode, tried.report.outcome], [0, "DryRun"]);
    assert.equal((await actions()).length, 1);
    const { report } = await acted("resume", "smodel/iris");
    assert.deepEqual(report.deleted, [first.report.created]);
    assert.deepEqual(await actions(), []);
    assert.equal((await acted("resume", "smodel/iris")).report.outcome, "Nothing");
  });

  it("pause --for: until a time that the API server knows", async () => {
    const before = Date.now();
    const { report } = await acted("pause", "smodel/iris", "--for", "2h", "--reason", reason);
    assert.equal(report.outcome, "Done");
    const [action] = await actions();
    const end = Date.parse(action?.spec.notAfter ?? "");
    assert.ok(end >= before + 7_200_000 && end <= Date.now() + 7_200_000, action?.spec.notAfter);
  });

  it("approve: two people where nobody is known to have written the spec, each once", async () => {
    const refused = await acted("approve", "smodel/iris", "--reason", reason);
    assert.deepEqual([refused.exitCode, refused.report.outcome], [1, "Refused"]);
    assert.match(refused.report.why ?? "", /none waits for people/);
    const { exitCode, report } = await acted("approve", "smodel/iris", "--revision", "2", "--reason", reason);
    assert.deepEqual([exitCode, report.outcome], [0, "Done"]);
    assert.match(report.effects.join(), /waits for the approval of a second person beside/);
    const [action] = await actions();
    assert.deepEqual([action?.spec.type, action?.spec.revision], ["Approve", newest.metadata.name]);
    const again = await acted("approve", "smodel/iris", "--revision", "2", "--reason", reason);
    assert.equal(again.report.outcome, "Nothing");
  });

  it("resume: says that a person has looked, and ends the pause", async () => {
    const since = new Date(Date.now() - 60_000).toISOString();
    const latch = { since, reason: "RepeatedRollbacks", message: "rollbacks within 24 h: 3 (latchAfter is 3)" };
    const setLatch = (value: object | null) =>
      must(
        ["patch", "securemodel", "iris", "-n", namespace, "--subresource=status", "--type=merge"].concat(
          "-p",
          JSON.stringify({ status: { latch: value } }),
        ),
      );
    await setLatch(latch);
    try {
      await acted("pause", "smodel/iris", "--reason", reason);
      const silent = await called("resume", "smodel/iris");
      assert.equal(silent.exitCode, 1, silent.all);
      assert.match(silent.stdout, /say by --reason what you found; it is latched: rollbacks within 24 h: 3/);
      const { exitCode, report } = await acted("resume", "smodel/iris", "--reason", reason);
      assert.deepEqual([exitCode, report.outcome], [0, "Done"]);
      assert.match(report.created ?? "", /^iris-resume-/);
      assert.equal(report.deleted?.length, 1);
      assert.deepEqual(
        (await actions()).map(({ spec }) => spec.type),
        ["Resume"],
      );
      assert.equal((await acted("resume", "smodel/iris")).report.outcome, "Nothing");
    } finally {
      await setLatch(null);
    }
  });

  it("says which role is missing, and acts for whoever has it", async () => {
    const role = (name: string, resources: string, verbs: string) =>
      must(["create", "role", name, "-n", namespace, `--resource=${resources}`, `--verb=${verbs}`]);
    const bind = (name: string) =>
      must(["create", "rolebinding", name, "-n", namespace, `--role=${name}`, `--serviceaccount=${namespace}:sre`]);
    await must(["create", "serviceaccount", "sre", "-n", namespace]);
    const kinds = ["securemodels", "modelrevisions", "modelactions"].map((plural) => `${plural}.mlsecops.io`);
    await role("look", kinds.join(","), "get,list");
    await bind("look");
    const token = await must(["create", "token", "sre", "-n", namespace]);
    await withKubeconfig(token.trim(), async (path) => {
      const pause = ["pause", "smodel/iris", "--reason", reason, "--kubeconfig", path];
      const { all, exitCode } = await called(...pause);
      assert.equal(exitCode, 3, all);
      assert.match(all, /cannot create resource "modelactions".*that takes ClusterRole mlsecops-operate/);
      await role("operate", "modelactions.mlsecops.io", "create,delete");
      await bind("operate");
      const allowed = await called(...pause);
      assert.equal(allowed.exitCode, 0, allowed.all);
    });
    const [action] = await actions();
    assert.equal(action?.spec.requestedBy, `system:serviceaccount:${namespace}:sre`);
  });

  it("of what is not there, and of what may not be read", async () => {
    for (const args of [
      ["history", "smodel/absent"],
      ["pause", "smodel/absent", "--reason", reason],
      ["ban", "smodel/iris", "7", "--reason", reason],
    ]) {
      const { all, exitCode } = await called(...args);
      assert.equal(exitCode, 2, all);
      assert.match(all, /there is no SecureModel|has no revision 7/);
    }
    await must(["create", "serviceaccount", "nobody", "-n", namespace]);
    const token = await must(["create", "token", "nobody", "-n", namespace]);
    await withKubeconfig(token.trim(), async (path) => {
      for (const args of [
        ["history", "smodel/iris"],
        ["resume", "smodel/iris"],
      ]) {
        const { all, exitCode } = await called(...args, "--kubeconfig", path);
        assert.equal(exitCode, 3, all);
        assert.match(all, /SecureModel \S+\/iris cannot be read: 403/);
      }
    });
  });
});
