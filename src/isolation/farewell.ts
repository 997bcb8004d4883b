import { ENFORCEMENT_LABEL, type GrantOwner, isExempt, withdraw } from "../admission/index.ts";
import { GRANT_NAME, type SecureNamespace, admissionGrant, parseObject, secureNamespace } from "../api/index.ts";
import { type ReconcileResult, isKubeError, namespaceType, removeFinalizer } from "../kube/index.ts";
import { warn } from "./announce.ts";
import { FINALIZER, goesWith, setLabels } from "./cluster.ts";
import { farewellFacts } from "./evidence.ts";
import { noLabels, wantedLabels } from "./labels.ts";
import type { Pass } from "./pass.ts";
import { haltPass, recordFacts } from "./report.ts";

/** The SecureNamespace is being deleted: opens what is to be opened, once the walls are as they are to stay. */
export async function farewell(pass: Pass, raw: SecureNamespace): Promise<ReconcileResult> {
  const { deps, client, name } = pass;
  if (raw.metadata.finalizers?.includes(FINALIZER) !== true) return {};
  if (!isExempt(name, deps.identity)) {
    const walls = deps.walls.leaving(name, raw.metadata.uid);
    if (walls?.state === "Failed") return stuck(pass, raw, walls.message);
    // Who takes them away wakes this when it is done.
    if (walls === undefined) return {};
    try {
      await release(pass, raw);
    } catch (error) {
      if (isKubeError(error) && !isKubeError(error, "Fenced", "Aborted")) await stuck(pass, raw, error.message);
      throw error;
    }
  }
  await removeFinalizer(client, secureNamespace.resource, raw, FINALIZER);
  return {};
}

/** Says why the object is still there. */
function stuck(pass: Pass, raw: SecureNamespace, problem: string): Promise<ReconcileResult> {
  const message = `${problem}. It is tried again; to let go without it, remove the finalizer ${FINALIZER}: what is closed then stays closed`;
  return haltPass(pass, raw, raw.status, { reason: "CleanupFailed", message });
}

async function release(pass: Pass, raw: SecureNamespace): Promise<void> {
  const { deps, client, name, context, owner } = pass;
  const namespace = await client.get(namespaceType, { name });
  // With a namespace that goes, everything in it goes.
  if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined) return;
  const parsed = parseObject(secureNamespace, raw);
  // A spec that cannot be read opens nothing, and deletes nothing.
  const deletionPolicy = parsed.ok ? parsed.value.spec.deletionPolicy : "KeepClosed";
  if (deletionPolicy === "Open") {
    await setLabels(client, namespace, noLabels);
    await client.remove(admissionGrant.resource, { namespace: name, name: GRANT_NAME });
    recordFacts(pass, raw, () => farewellFacts(raw.spec.profile, { opens: true }));
    return;
  }
  if (deletionPolicy === "DeleteNamespace") {
    if (goesWith(raw, { deletionPolicy }, namespace)) {
      const { uid } = namespace.metadata;
      await client.remove(namespaceType, { name }, uid === undefined ? {} : { uid });
      recordFacts(pass, raw, () => farewellFacts(raw.spec.profile, { opens: false }));
      return;
    }
    const note = `namespace ${name} was not made for this object, so it stays, and stays closed: delete it with kubectl delete namespace ${name}`;
    warn(pass, raw, { reason: "NamespaceKept", action: "Delete", note });
  }
  const isOwn = (one: GrantOwner) => one.kind === owner.kind && one.name === owner.name;
  await deps.grants.change(name, (grant) => withdraw(grant, isOwn), { signal: context.signal });
  recordFacts(pass, raw, () => farewellFacts(raw.spec.profile, { opens: false }));
  // A namespace that was created again in the meantime has no labels yet, and from here on nobody sets them.
  const unlabelled = namespace.metadata.labels?.[ENFORCEMENT_LABEL] === undefined;
  if (unlabelled && parsed.ok && parsed.value.spec.enforcement === "Enforce")
    await setLabels(client, namespace, wantedLabels(parsed.value.spec));
}
