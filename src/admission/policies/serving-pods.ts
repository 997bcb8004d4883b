import { REVISION_LABEL, type OperatorIdentity, usernameOf } from "../names.ts";
import type { PolicyDefinition } from "./build.ts";

/** The built-in controllers that may create pods in a serving namespace, with and without per-controller accounts. */
const podCreators = ["system:serviceaccount:kube-system:replicaset-controller", "system:kube-controller-manager"];
/** The same of the pods of import Jobs. */
const jobPodCreators = ["system:serviceaccount:kube-system:job-controller", "system:kube-controller-manager"];

/**
 * In a serving namespace a pod looks exactly as a granted revision says. Otherwise a granted Python image with another
 * command runs anything.
 */
export function servingPods(identity: OperatorIdentity): PolicyDefinition {
  return {
    name: "mlsecops-serving-pods",
    parameter: "AdmissionGrant",
    rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }],
    variables: [
      { name: "name", expression: `object.metadata.?labels[?'${REVISION_LABEL}'].orValue('')` },
      { name: "revisions", expression: "params.spec.?revisions.orValue({})" },
      { name: "known", expression: "variables.name in variables.revisions" },
      { name: "isImport", expression: "variables.known && variables.revisions[variables.name].?import.orValue(false)" },
      { name: "init", expression: "object.spec.?initContainers.orValue([])" },
      { name: "all", expression: "object.spec.containers + variables.init" },
    ],
    validations: [
      {
        expression:
          `(request.userInfo.username == '${usernameOf(identity)}' && request.?dryRun.orValue(false)) || ` +
          `(request.userInfo.username in ${celList(podCreators)} && !variables.isImport && ${isOwnedBy("ReplicaSet")}) || ` +
          `(request.userInfo.username in ${celList(jobPodCreators)} && variables.isImport && ${isOwnedBy("Job")})`,
        message:
          "in a serving namespace only the operator's own workloads create pods: describe the model in a SecureModel, the operator runs it",
      },
      {
        expression: "variables.known",
        messageExpression: `'the pod belongs to no granted revision (label ${REVISION_LABEL} is "' + variables.name + '"): in a serving namespace pods come from a SecureModel only'`,
      },
      {
        expression: `!variables.known || (${sameContainers("object.spec.containers", "containers")} && ${sameContainers("variables.init", "initContainers")})`,
        message:
          "image, command, args, env, workingDir and volumeMounts must be exactly those of the granted revision: change the SecureModel, not its pods",
      },
      {
        expression:
          // What an import reads: a Secret, whole, and a volume that it cannot write to.
          "object.spec.?volumes.orValue([]).all(v, has(v.image) || has(v.emptyDir) || (variables.isImport && " +
          "((has(v.secret) && v.secret.?items.orValue([]).size() == 0) || (has(v.persistentVolumeClaim) && v.persistentVolumeClaim.?readOnly.orValue(false))))) && " +
          "(!variables.known || variables.revisions[variables.name].volumes == object.spec.?volumes.orValue([]).map(v, " +
          "[string(v.name), has(v.image) ? 'image' : (has(v.secret) ? 'secret' : (has(v.persistentVolumeClaim) ? 'persistentVolumeClaim' : (has(v.emptyDir) ? 'emptyDir' : 'other'))), " +
          "string(v.?image.?reference.orValue(v.?secret.?secretName.orValue(v.?persistentVolumeClaim.?claimName.orValue(''))))]))",
        message: "volumes must be exactly those of the granted revision: image volumes and emptyDir only",
      },
      {
        expression:
          "variables.all.all(c, c.?envFrom.orValue([]).size() == 0 && !c.?lifecycle.?postStart.hasValue() && (!has(c.lifecycle) || c.lifecycle.?preStop.?sleep.hasValue()) && c.?volumeDevices.orValue([]).size() == 0 && " +
          "!c.?livenessProbe.?exec.hasValue() && !c.?readinessProbe.?exec.hasValue() && !c.?startupProbe.?exec.hasValue() && " +
          "c.?env.orValue([]).all(e, !has(e.valueFrom) || has(e.valueFrom.fieldRef)) && " +
          "c.?volumeMounts.orValue([]).all(m, !has(m.subPathExpr)) && !c.?securityContext.?privileged.orValue(false))",
        message:
          "envFrom, env from other objects, lifecycle hooks other than to sleep before the end, exec probes, subPathExpr, block devices and privileged containers are not allowed in a serving namespace: each runs or feeds what nobody verified",
      },
      {
        expression:
          "!object.spec.?hostNetwork.orValue(false) && !object.spec.?hostPID.orValue(false) && !object.spec.?hostIPC.orValue(false) && " +
          "!object.spec.?shareProcessNamespace.orValue(false) && has(object.spec.automountServiceAccountToken) && !object.spec.automountServiceAccountToken && " +
          "(!variables.known || object.spec.?serviceAccountName.orValue('default') == variables.revisions[variables.name].serviceAccountName)",
        message:
          "host namespaces, a shared process namespace, a mounted ServiceAccount token or another ServiceAccount than the revision's are not allowed in a serving namespace",
      },
    ],
  };
}

function isOwnedBy(kind: "ReplicaSet" | "Job"): string {
  return `object.metadata.?ownerReferences.orValue([]).exists(o, o.kind == '${kind}' && o.?controller.orValue(false))`;
}

/** Lists of rows are compared as they are: the operator writes the grant in the order of the template. */
function sameContainers(pod: string, granted: "containers" | "initContainers"): string {
  const grantedList = `variables.revisions[variables.name].${granted}`;
  return (
    `${pod}.size() == ${grantedList}.size() && ${pod}.all(c, ${grantedList}.exists_one(g, g.name == c.name && ` +
    "g.image == c.?image.orValue('') && g.command == c.?command.orValue([]) && g.args == c.?args.orValue([]) && " +
    "g.workingDir == c.?workingDir.orValue('') && " +
    "g.env == c.?env.orValue([]).map(e, [string(e.name), string(e.?value.orValue('')), string(e.?valueFrom.?fieldRef.?fieldPath.orValue(''))]) && " +
    "g.volumeMounts == c.?volumeMounts.orValue([]).map(m, [string(m.name), string(m.mountPath), string(m.?subPath.orValue('')), string(m.?readOnly.orValue(false))])))"
  );
}

export function celList(values: readonly string[]): string {
  return `[${values.map((value) => `'${value}'`).join(", ")}]`;
}
