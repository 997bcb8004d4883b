import { randomUUID } from "node:crypto";
import { type Json, apply, eventually, image, kubectl, must, randomName, digest } from "./support.ts";
import {
  type PodParts,
  identity,
  operator,
  developer,
  CONTAINER,
  INIT,
  VOLUME,
  EXPIRED,
  UNKNOWN,
  grant,
  pod,
  create,
  admitted,
  denied,
  containersOf,
  servedContainer,
  servedVolumes,
  revisions,
  served,
  deployment,
  job,
  kserve,
  binding,
  label,
  debug,
  installPolicies,
  removePolicies,
} from "./world.ts";

const experiment = randomName("mlsecops-experiment");
const serving = randomName("mlsecops-serving");
const audited = randomName("mlsecops-audit");
const namespaces = [experiment, serving, audited];

describe("admission policies on a real API server", function () {
  this.timeout(120_000);

  before("install the policies and enforce three namespaces", async () => {
    await installPolicies(namespaces);
    // What ran before the namespace was enforced.
    for (const namespace of [experiment, serving])
      admitted(
        await create(
          pod(namespace, {
            metadata: { name: "old", finalizers: ["example.com/hold"] },
          }),
          undefined,
          false,
        ),
      );
    await label(experiment, "enforce", "experiment");
    await label(serving, "enforce", "serving");
    await label(audited, "audit", "experiment");
    for (const namespace of [experiment, serving])
      await eventually("enforcement", async () => !(await create(pod(namespace), developer)).ok);
  });

  after("remove all of it", async () => {
    for (const namespace of [experiment, serving])
      await kubectl(["patch", "pod", "old", "-n", namespace, "--type=merge", "-p", '{"metadata":{"finalizers":null}}']);
    await removePolicies(namespaces);
  });

  describe("a namespace without a grant", () => {
    it("runs nothing", async () => {
      denied(await create(pod(experiment), developer), /mlsecops-pods-granted.*no params found/s);
    });
    it("refuses nothing while it is audited, and warns as soon as it has a grant", async () => {
      admitted(await create(pod(audited), developer));
      await apply([grant(audited)], operator);
      await eventually("a warning", async () => {
        const answer = await create(pod(audited, { containers: containersOf(image(UNKNOWN)) }), developer);
        admitted(answer);
        return /Warning:.*not granted for use as a container/s.test(answer.output);
      });
    });
    it("lets the images of a running pod alone, and its finalizers go", async () => {
      const patch = (body: unknown) =>
        kubectl(
          ["patch", "pod", "old", "-n", experiment, "--type=merge", "--dry-run=server", "-p", JSON.stringify(body)],
          {
            as: developer,
          },
        );
      admitted(await patch({ metadata: { finalizers: null } }));
      denied(
        await kubectl(["set", "image", "pod/old", `main=${image(UNKNOWN)}`, "-n", experiment, "--dry-run=server"], {
          as: developer,
        }),
        /images of a running pod cannot be changed/,
      );
    });
  });

  describe("a namespace with a grant", () => {
    before(async () => {
      await apply([grant(experiment)], operator);
      await eventually("the grant", async () => (await create(pod(experiment), developer)).ok);
    });

    const volume = (reference: string): readonly Json[] => [{ name: "data", image: { reference } }];
    const init = containersOf(image(INIT)).map((container) => ({ ...container, name: "init" }));
    const initOf = (reference: string): readonly Json[] => [{ name: "init", image: reference }];
    const table: readonly (readonly [string, PodParts, RegExp | undefined])[] = [
      ["a granted container", {}, undefined],
      [
        "a granted init container and image volume",
        { initContainers: init, volumes: volume(image(VOLUME)) },
        undefined,
      ],
      ["a granted digest beside a tag", { containers: containersOf(`a:v1@${digest(CONTAINER)}`) }, undefined],
      ["a tag", { containers: containersOf("registry.example.com/image:v1") }, /not pinned by digest/],
      ["an init container by tag", { initContainers: initOf("image:v1") }, /not pinned by digest/],
      ["an image volume by tag", { volumes: volume("image:v1") }, /not pinned by digest/],
      [
        "a digest of another algorithm",
        { containers: containersOf(`a@sha512:${"0".repeat(128)}`) },
        /not pinned by digest/,
      ],
      ["an ungranted container", { containers: containersOf(image(UNKNOWN)) }, /not granted for use as a container/],
      ["an ungranted init container", { initContainers: initOf(image(UNKNOWN)) }, /not granted for use as an init/],
      ["an ungranted image volume", { volumes: volume(image(UNKNOWN)) }, /not granted for use as an image volume/],
      ["a model as container", { containers: containersOf(image(VOLUME)) }, /not granted for use as a container/],
      ["a container as model", { volumes: volume(image(CONTAINER)) }, /not granted for use as an image volume/],
      ["a container as init container", { initContainers: initOf(image(CONTAINER)) }, /not granted for use as an init/],
      ["an expired entry", { containers: containersOf(image(EXPIRED)) }, /not granted for use as a container/],
      [
        "an expired entry with a forged creation time",
        { containers: containersOf(image(EXPIRED)), metadata: { creationTimestamp: "2020-01-01T00:00:00Z" } },
        /not granted for use as a container/,
      ],
    ];
    for (const [name, parts, refusal] of table)
      it(`${refusal === undefined ? "admits" : "denies"} ${name}`, async () => {
        const answer = await create(pod(experiment, parts), developer);
        if (refusal === undefined) admitted(answer);
        else denied(answer, refusal);
      });

    it("denies an ungranted ephemeral container, even to an administrator", async () => {
      denied(await debug(experiment, UNKNOWN), /not granted for use as a container/);
    });
    it("leaves jobs and deployments to the pods they make", async () => {
      admitted(await create(job(experiment), developer));
    });
  });

  describe("a serving namespace", () => {
    before(async () => {
      await apply([grant(serving, revisions)], operator);
      await eventually("the grant", async () => (await create(served(serving), operator)).ok);
    });

    const table: readonly (readonly [string, () => Json, RegExp])[] = [
      [
        "another command",
        () => served(serving, { container: { command: ["/bin/sh"] } }),
        /exactly those of the granted revision/,
      ],
      [
        "other args",
        () => served(serving, { container: { args: ["--evil"] } }),
        /exactly those of the granted revision/,
      ],
      [
        "another env",
        () => served(serving, { container: { env: [{ name: "LD_PRELOAD", value: "x" }] } }),
        /exactly those of/,
      ],
      [
        "another workingDir",
        () => served(serving, { container: { workingDir: "/" } }),
        /exactly those of the granted revision/,
      ],
      [
        "other mounts",
        () => served(serving, { container: { volumeMounts: [] } }),
        /exactly those of the granted revision/,
      ],
      [
        "a second container",
        () => served(serving, { containers: [servedContainer, { name: "b", image: image(CONTAINER) }] }),
        /exactly/,
      ],
      [
        "an init container",
        () => served(serving, { initContainers: [{ name: "b", image: image(INIT) }] }),
        /exactly those of/,
      ],
      [
        "another volume",
        () => served(serving, { volumes: [...servedVolumes, { name: "host", hostPath: { path: "/" } }] }),
        /volumes must be exactly those/,
      ],
      [
        "a ConfigMap in place of a volume",
        () => served(serving, { volumes: [servedVolumes[0] ?? {}, { name: "tmp", configMap: { name: "x" } }] }),
        /volumes must be exactly those/,
      ],
      ["no revision", () => served(serving, { metadata: { labels: {} } }), /belongs to no granted revision/],
      ["envFrom", () => served(serving, { container: { envFrom: [{ configMapRef: { name: "x" } }] } }), /envFrom/],
      [
        "a hook",
        () => served(serving, { container: { lifecycle: { preStop: { exec: { command: ["x"] } } } } }),
        /lifecycle hooks/,
      ],
      [
        "a request before the end",
        () => served(serving, { container: { lifecycle: { preStop: { httpGet: { port: 8080 } } } } }),
        /lifecycle hooks/,
      ],
      [
        "a hook after the start beside a sleep before the end",
        () =>
          served(serving, {
            container: { lifecycle: { preStop: { sleep: { seconds: 1 } }, postStart: { exec: { command: ["x"] } } } },
            spec: { terminationGracePeriodSeconds: 1 },
          }),
        /lifecycle hooks/,
      ],
      [
        "an exec probe",
        () => served(serving, { container: { livenessProbe: { exec: { command: ["x"] } } } }),
        /exec probes/,
      ],
      [
        "a privileged container",
        () => served(serving, { container: { securityContext: { privileged: true } } }),
        /privileged/,
      ],
      ["the host's network", () => served(serving, { spec: { hostNetwork: true } }), /host namespaces/],
      [
        "a shared process namespace",
        () => served(serving, { spec: { shareProcessNamespace: true } }),
        /shared process namespace/,
      ],
      [
        "a ServiceAccount token",
        () => served(serving, { spec: { automountServiceAccountToken: true } }),
        /exactly those of the granted revision|pods do not talk to the API server/,
      ],
    ];
    it("admits the operator's dry run of a pod as the revision says", async () => {
      admitted(await create(served(serving), operator));
    });
    it("admits a pod that sleeps before it ends: nothing is run for it", async () => {
      const lifecycle = { preStop: { sleep: { seconds: 10 } } };
      // The whole of the grace: of a model whose own one is 0.
      const spec = { terminationGracePeriodSeconds: 10 };
      admitted(await create(served(serving, { container: { lifecycle }, spec }), operator));
    });
    for (const [name, object, refusal] of table)
      it(`denies the operator a pod with ${name}`, async () => denied(await create(object(), operator), refusal));
    it("denies the operator a pod that is not a dry run", async () => {
      denied(await create(served(serving), operator, false), /only the operator's own workloads create pods/);
    });

    it("denies a developer the same pod", async () => {
      denied(await create(served(serving), developer), /only the operator's own workloads create pods/);
    });
    it("denies a developer and an administrator deployments and jobs", async () => {
      for (const as of [developer, undefined]) {
        denied(await create(deployment(serving, "own", 0), as), /only the operator creates or changes workloads/);
        denied(await create(job(serving), as), /only the operator creates or changes workloads/);
      }
    });
    it("denies exec, attach, port-forward and ephemeral containers", async () => {
      const closed = /closed in a serving namespace/;
      const as = developer;
      denied(await kubectl(["exec", "old", "-n", serving, "--", "true"], { as }), closed);
      const path = `/api/v1/namespaces/${serving}/pods/old`;
      for (const verb of ["exec?command=true", "attach", "portforward"])
        denied(await kubectl(["create", "--raw", `${path}/${verb}`, "-f", "-"], { as, input: {} }), closed);
      denied(await debug(serving, CONTAINER), closed);
    });
    it("runs the operator's deployment, which nobody else scales or changes", async () => {
      await apply([deployment(serving, "fraud", 1)], operator);
      await eventually("the ReplicaSet's pod", async () =>
        (await must(["get", "pods", "-n", serving, "-l", "app=fraud", "-o", "name"])).includes("pod/fraud-"),
      );
      const changed = /only the operator creates or changes workloads/;
      denied(
        await kubectl(["scale", "deployment", "fraud", "-n", serving, "--replicas=3"], { as: developer }),
        changed,
      );
      denied(
        await kubectl(["set", "image", "deployment/fraud", `server=${image(UNKNOWN)}`, "-n", serving], {
          as: developer,
        }),
        changed,
      );
      await must(["delete", "deployment", "fraud", "-n", serving, "--cascade=foreground", "--timeout=60s"]);
    });
    it("lets KServe's controller make Deployments of InferenceServices, and nothing else", async () => {
      const changed = /only the operator creates or changes workloads/;
      const owner = { kind: "InferenceService", name: "fraud", uid: randomUUID(), controller: true };
      const owned = (name: string, apiVersion = "serving.kserve.io/v1beta1", extra: Json = {}) => ({
        ...deployment(serving, name, 0),
        metadata: { name, namespace: serving, ownerReferences: [{ ...owner, apiVersion, ...extra }] },
      });
      admitted(await create(owned("own"), kserve));
      denied(await create(owned("own"), developer), changed);
      denied(await create(owned("own", "example.com/v1"), kserve), changed);
      denied(await create(owned("own", undefined, { controller: false }), kserve), changed);
      denied(await create(owned("own", undefined, { kind: "InferenceGraph" }), kserve), changed);
      denied(await create(deployment(serving, "own", 0), kserve), changed);
      denied(await create(job(serving), kserve), changed);
      denied(await create(served(serving), kserve), /only the operator's own workloads create pods/);
      // What is the operator's does not become its own.
      await apply([deployment(serving, "taken", 0)], operator);
      const take = ["replace", "--dry-run=server", "-f", "-"];
      denied(await kubectl(take, { as: kserve, input: owned("taken") }), changed);
      denied(await kubectl(["scale", "deployment", "taken", "-n", serving, "--replicas=3"], { as: kserve }), changed);
      await must(["delete", "deployment", "taken", "-n", serving]);
    });
    it("lets the finalizers of a pod go", async () => {
      admitted(
        await kubectl(
          ["patch", "pod", "old", "-n", serving, "--type=merge", "-p", '{"metadata":{"finalizers":null}}'],
          { as: developer },
        ),
      );
    });
  });

  describe("the labels of a namespace", () => {
    const refusal = /written only by the operator/;

    it("cannot be changed, removed or brought along", async () => {
      for (const change of ["mlsecops.io/enforcement=audit", "mlsecops.io/enforcement-", "mlsecops.io/new=x"])
        denied(await kubectl(["label", "namespace", serving, "--overwrite", change]), refusal);
      const metadata = { name: randomName("mlsecops-new"), labels: { "mlsecops.io/profile": "experiment" } };
      denied(await create({ apiVersion: "v1", kind: "Namespace", metadata }), refusal);
    });
    for (const subresource of ["status", "finalize"])
      it(`are protected through /${subresource}`, async () => {
        const namespace = JSON.parse(await must(["get", "namespace", serving, "-o", "json"])) as Json;
        const stripped = { ...namespace, metadata: { ...(namespace["metadata"] as Json), labels: {} } };
        denied(
          await kubectl(["replace", "--raw", `/api/v1/namespaces/${serving}/${subresource}`, "-f", "-"], {
            input: stripped,
          }),
          refusal,
        );
      });
    it("leave other labels to everybody", async () => {
      admitted(await kubectl(["label", "namespace", serving, "team=fraud"]));
    });
    it("are all that the operator may change", async () => {
      denied(
        await kubectl(["label", "namespace", serving, "other=x"], { as: operator }),
        /changes only labels that start with/,
      );
    });
    it("cannot be put on a system namespace, even by the operator (labels on system namespaces)", async () => {
      denied(
        await kubectl(["label", "namespace", "kube-public", "mlsecops.io/enforcement=enforce"], { as: operator }),
        /never enforced/,
      );
    });
  });

  describe("the operator's records and limits", () => {
    it("keep grants from everybody else", async () => {
      const refusal = /written only by the operator/;
      denied(
        await create({ ...grant(audited), metadata: { name: "other", namespace: audited } }),
        /written only by the operator|its name is/,
      );
      denied(await kubectl(["delete", "agrant", "mlsecops", "-n", serving]), refusal);
      denied(
        await kubectl([
          "patch",
          "agrant",
          "mlsecops",
          "-n",
          serving,
          "--type=merge",
          "-p",
          '{"spec":{"revisions":null}}',
        ]),
        refusal,
      );
    });
    /** As the chart's roles do. */
    const allow = async (user: string, ...resources: readonly string[]): Promise<void> => {
      const rbac = "rbac.authorization.k8s.io";
      const role = {
        apiVersion: `${rbac}/v1`,
        kind: "Role",
        metadata: { name: user, namespace: experiment },
        rules: [{ apiGroups: ["mlsecops.io"], resources, verbs: ["create"] }],
      };
      const bound = {
        apiVersion: `${rbac}/v1`,
        kind: "RoleBinding",
        metadata: { name: user, namespace: experiment },
        roleRef: { apiGroup: rbac, kind: "Role", name: user },
        subjects: [{ apiGroup: rbac, kind: "User", name: user }],
      };
      await apply([role, bound]);
      const [resource = "", subresource] = (resources.at(-1) ?? "").split("/");
      const ask = ["auth", "can-i", "create", resource, "-n", experiment];
      if (subresource !== undefined) ask.push(`--subresource=${subresource}`);
      await eventually("rights", async () => (await kubectl(ask, { as: user })).ok);
    };
    it("let people break the glass under their own name only, and for a day at most", async () => {
      const hours = (count: number): string => new Date(Date.now() + count * 3_600_000).toISOString();
      const glass = (approver: string, notAfter: string): Json => ({
        apiVersion: "mlsecops.io/v1alpha1",
        kind: "ModelAction",
        metadata: { name: "incident", namespace: experiment },
        spec: { digest: digest(CONTAINER), reason: "INC-4711, the signing service is down", approver, notAfter },
      });
      // Who may at all is a matter of RBAC, which this user of the tests passes.
      const approver = (await must(["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"])).trim();
      admitted(await create(glass(approver, hours(23))));
      denied(await create(glass("somebody-else", hours(23))), new RegExp(`write approver: ${approver}`));
      denied(await create(glass(approver, hours(25))), /within 24 hours; for longer, change the trust policy/);
      denied(await create(glass(approver, hours(-1))), /is over already/);
      denied(await create(glass(developer, hours(1)), developer), /forbidden/i);
      denied(await create(glass("operator-on-duty", hours(1)), "operator-on-duty"), /forbidden/i);
      await allow("operator-on-duty", "modelactions");
      denied(await create(glass("operator-on-duty", hours(1)), "operator-on-duty"), /modelactions\/breakglass/);
      await allow("security-on-duty", "modelactions", "modelactions/breakglass");
      admitted(await create(glass("security-on-duty", hours(1)), "security-on-duty"));
    });
    it("let people order something about a model under their own name only", async () => {
      const order = (requestedBy: string, more: Json = {}): Json => ({
        apiVersion: "mlsecops.io/v1alpha1",
        kind: "ModelAction",
        metadata: { name: "order", namespace: experiment },
        spec: { type: "Pause", model: "iris", reason: "INC-4711, it is wrong", requestedBy, ...more },
      });
      const person = "operator-on-duty";
      await allow(person, "modelactions");
      admitted(await create(order(person), person));
      admitted(await create(order(person, { type: "Ban", revision: "iris-1" }), person));
      admitted(await create(order(person, { type: "Approve", revision: "iris-1" }), person));
      admitted(await create(order(person, { type: "Resume" }), person));
      admitted(await create(order(person, { notAfter: "2999-01-01T00:00:00Z" }), person));
      denied(await create(order(person, { notAfter: "2021-01-01T00:00:00Z" }), person), /is over already/);
      denied(
        await create(order(person, { type: "Resume", notAfter: "2999-01-01T00:00:00Z" }), person),
        /for BreakGlass and Pause only/,
      );
      denied(await create(order("somebody-else"), person), new RegExp(`write requestedBy: ${person}`));
      denied(await create(order(person, { type: "Ban" }), person), /give the revision for Ban, Promote and Approve/);
      denied(await create(order(person, { approver: person }), person), /for BreakGlass only/);
      denied(await create(order(developer), developer), /forbidden/i);
    });
    it("let no ServiceAccount approve a revision, or say that it has looked", async () => {
      const machine = `system:serviceaccount:${experiment}:default`;
      await allow(machine, "modelactions");
      const order = (spec: Json): Json => ({
        apiVersion: "mlsecops.io/v1alpha1",
        kind: "ModelAction",
        metadata: { name: "order", namespace: experiment },
        spec: { model: "iris", reason: "INC-4711, it is well", requestedBy: machine, ...spec },
      });
      admitted(await create(order({ type: "Pause" }), machine));
      for (const spec of [{ type: "Approve", revision: "iris-1" }, { type: "Resume" }])
        denied(await create(order(spec), machine), /no ServiceAccount may create it/);
    });
    it("keep the operator from binding another role, or to another account", async () => {
      const bind = (name: string, role: string, account: string): Json => ({
        ...binding("RoleBinding", name, role, `system:serviceaccount:${identity.namespace}:${account}`),
        metadata: { name, namespace: experiment },
        subjects: [{ kind: "ServiceAccount", name: account, namespace: identity.namespace }],
      });
      const workloads = "mlsecops-operator-workloads";
      const refusal = /may bind only ClusterRole/;
      admitted(await create(bind(workloads, workloads, identity.serviceAccount), operator));
      denied(await create(bind(workloads, "cluster-admin", identity.serviceAccount), operator), refusal);
      denied(await create(bind(workloads, workloads, "other"), operator), refusal);
      denied(await create(bind("other", workloads, identity.serviceAccount), operator), refusal);
    });
    it("keep the operator from tokens of ServiceAccounts for anybody but a cloud, and for long", async () => {
      const ask = (audiences: readonly string[], duration: string, as?: string) =>
        kubectl(
          ["create", "token", "default", "-n", experiment, `--duration=${duration}`].concat(
            audiences.map((audience) => `--audience=${audience}`),
          ),
          as === undefined ? {} : { as },
        );
      const provider =
        "https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/one";
      for (const audience of ["sts.amazonaws.com", "api://AzureADTokenExchange", provider, "my-project.svc.id.goog"])
        admitted(await ask([audience], "10m", operator));
      const refusal =
        /may ask for a token of a ServiceAccount only for AWS, Google Cloud or Azure, and for ten minutes/;
      const others = [
        [],
        ["https://kubernetes.default.svc.cluster.local"],
        ["sts.amazonaws.com", "https://kubernetes.default.svc.cluster.local"],
        ["sts.amazonaws.com.example.com"],
        [`${provider}/more`],
        ["https://example.com/.svc.id.goog"],
      ];
      for (const audiences of others) denied(await ask(audiences, "10m", operator), refusal);
      denied(await ask(["sts.amazonaws.com"], "11m", operator), refusal);
      // Nobody else gets one where pods are enforced, and everybody who may by RBAC elsewhere.
      denied(await ask(["sts.amazonaws.com"], "1h"), /tokens of ServiceAccounts are only for pods/);
      admitted(await kubectl(["create", "token", "default", "-n", "default", "--duration=1h"]));
    });
  });
});
