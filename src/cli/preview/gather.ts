import { type GenericClass, kind } from "kubernetes-fluent-client";
import { z } from "zod";
import type { AdmissionGrantSpec, ClusterTrustPolicy, SecureNamespace } from "../../api/index.ts";
import type { Answer } from "../ask.ts";
import { type Listed, readGrant, readNamespace, readNamespaces, readObjects, readPolicies } from "../cluster.ts";
import { Meta, Pod, PodSpec } from "../pod.ts";
import { gatherNamespaceReach } from "../reach/gather.ts";
import type { Surroundings } from "./consequences.ts";

const Template = z.looseObject({ metadata: Meta.partial().nullish(), spec: PodSpec });
const Conditions = z.array(z.looseObject({ type: z.string(), status: z.string() })).nullish();
const Workload = z.looseObject({
  metadata: Meta,
  spec: z.looseObject({ template: Template }),
  status: z.looseObject({ conditions: Conditions }).nullish(),
});
const CronJob = z.looseObject({
  metadata: Meta,
  spec: z.looseObject({ jobTemplate: z.looseObject({ spec: z.looseObject({ template: Template }) }) }),
});

/** A pod, or the pods that something would make. */
export interface Runnable {
  readonly kind: string;
  readonly metadata: Meta;
  /** Labels of the pods. */
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: z.output<typeof PodSpec>;
  /** Of a pod that runs: when it was created counts, not now. */
  readonly pod?: Pod;
}

export interface Facts {
  readonly namespace: string;
  readonly secured: Answer<SecureNamespace>;
  readonly grant: Answer<AdmissionGrantSpec>;
  readonly policies: Answer<Listed<ClusterTrustPolicy>>;
  readonly runnables: readonly (readonly [kind: string, Answer<readonly Runnable[]>])[];
  /** What has a say in the namespace's traffic. */
  readonly around: Surroundings | undefined;
  /** What of that could not be read. */
  readonly unread: readonly { readonly what: string; readonly why: string }[];
}

export async function gather(namespace: string): Promise<Facts> {
  const ofTemplates = (name: string, model: GenericClass) =>
    runnables(name, readObjects(model, Workload, namespace), ({ spec }) => spec.template);
  const [reach, all, secured, grant, policies, ...found] = await Promise.all([
    gatherNamespaceReach(namespace),
    readNamespaces(),
    readNamespace(namespace),
    readGrant(namespace),
    readPolicies(),
    ofTemplates("Deployment", kind.Deployment),
    ofTemplates("StatefulSet", kind.StatefulSet),
    ofTemplates("DaemonSet", kind.DaemonSet),
    runnables("Job", readJobs(namespace), ({ spec }) => spec.template),
    runnables("CronJob", readObjects(kind.CronJob, CronJob, namespace), ({ spec }) => spec.jobTemplate.spec.template),
    pods(namespace),
  ]);
  const names = (listed: Listed<SecureNamespace>) => listed.objects.map(({ metadata }) => metadata.name);
  const around: Surroundings = {
    world: reach.world,
    enforcesNames: reach.served.some(({ resource }) => resource.kind === "CiliumNetworkPolicy"),
    secured: all.state === "known" ? { state: "known", value: names(all.value) } : all,
  };
  return { namespace, secured, grant, policies, runnables: found, around, unread: reach.unknown };
}

async function runnables<T extends { readonly metadata: Meta }>(
  name: string,
  asked: Promise<Answer<readonly T[]>>,
  templateOf: (object: T) => z.output<typeof Template>,
): Promise<[string, Answer<readonly Runnable[]>]> {
  const answer = await asked;
  if (answer.state !== "known") return [name, answer];
  const value = answer.value.map((object): Runnable => {
    const { metadata } = object;
    const { spec, metadata: template } = templateOf(object);
    return { kind: name, metadata, labels: template?.labels ?? {}, spec };
  });
  return [name, { state: "known", value }];
}

/** What has come to its end makes no more pods. */
async function readJobs(namespace: string): Promise<Answer<readonly z.output<typeof Workload>[]>> {
  const answer = await readObjects(kind.Job, Workload, namespace);
  if (answer.state !== "known") return answer;
  const isDone = ({ status }: z.output<typeof Workload>) =>
    status?.conditions?.some((one) => ["Complete", "Failed"].includes(one.type) && one.status === "True") === true;
  return { state: "known", value: answer.value.filter((job) => !isDone(job)) };
}

async function pods(namespace: string): Promise<[string, Answer<readonly Runnable[]>]> {
  const answer = await readObjects(kind.Pod, Pod, namespace);
  if (answer.state !== "known") return ["Pod", answer];
  const value = answer.value.map((pod): Runnable => ({
    kind: "Pod",
    metadata: pod.metadata,
    labels: pod.metadata.labels ?? {},
    spec: pod.spec,
    pod,
  }));
  return ["Pod", { state: "known", value }];
}
