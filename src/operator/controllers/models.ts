import { ordersFor } from "../../actions/index.ts";
import { WORKLOAD_ROLE, isExempt } from "../../admission/index.ts";
import { Egress } from "../../egress/index.ts";
import { Guardian } from "../../health/index.ts";
import { bindWorkloadRole } from "../../isolation/index.ts";
import { Controller } from "../../kube/index.ts";
import { type ServingDependencies, servingReconciler } from "../../serving/index.ts";
import type { Verifier } from "../../trust/index.ts";
import { importSettings } from "../import-settings.ts";
import { lookCounter } from "../look-counter.ts";
import type { Options } from "../options.ts";
import { tenantSenders } from "../tenant-senders.ts";
import { type ControllerContext, type Granting, passDeadlineMs } from "./context.ts";

export interface ModelNeeds extends Pick<ServingDependencies, "notify" | "inferenceServices"> {
  readonly options: Options;
  readonly verifier: Pick<Verifier, "manifest">;
  readonly granting: Granting;
}

/** The two controllers of a SecureModel: one says what is to serve, the other looks at what serves. */
export function modelControllers(
  context: ControllerContext,
  { options, verifier, granting, notify, inferenceServices }: ModelNeeds,
): { readonly modelController: Controller; readonly healthController: Controller } {
  const { informers, client, events, identity, shared } = context;
  const podsOf = (namespace: string, model: string) => informers.pods.store.byIndex("model", `${namespace}/${model}`);
  // What fails is to be left at once.
  const onVerdict = (key: string) => modelController.enqueueUrgent(key);
  const guardian = createGuardian(context, { options, podsOf, onVerdict });
  const healthController = new Controller({
    ...shared,
    name: "health",
    // They hardly do more than wait for metrics servers.
    workers: 32,
    reconcile: guardian.reconcile,
  });
  const modelController = new Controller({
    ...shared,
    name: "serving",
    // They hardly do more than wait for the API server: cosign and the looks into layers have limits of their own.
    workers: 32,
    urgentWorkers: 96,
    deadlineMs: passDeadlineMs,
    reconcile: servingReconciler({
      ...granting,
      client,
      events,
      notify,
      clock: shared.clock,
      models: informers.models.store,
      revisions: informers.revisions.store,
      namespaces: informers.namespaces.store,
      grantObjects: informers.grants.store,
      deployments: informers.deployments.store,
      services: informers.services.store,
      inferenceServices,
      imports: {
        jobs: informers.jobs.store,
        settings: importSettings(options),
        manifest: async (namespace, oci, abort) => {
          const credentials = await granting.pullCredentials(namespace, oci, abort).read();
          return verifier.manifest({ reference: oci.reference, namespace, credentials, signal: abort });
        },
      },
      unsecured: options.allowUnsecuredNamespaces
        ? {
            allows: (namespace) => !isExempt(namespace, identity),
            bind: (namespace, abort) =>
              bindWorkloadRole(client.withSignal(abort), namespace, {
                identity,
                living: informers.bindings.store.get(`${namespace}/${WORKLOAD_ROLE}`),
              }),
          }
        : undefined,
      podsOf,
      orders: (namespace, model) => ordersFor(informers.actions.store.list(namespace), model),
      health: (key, revision) => guardian.verdictOf(key, revision),
    }),
  });
  return { modelController, healthController };
}

function createGuardian(
  { informers, client, shared: { clock, metrics } }: ControllerContext,
  {
    options: { deniedAddresses, plainHttpMetrics, registryCa },
    ...rest
  }: { readonly options: Options } & Pick<ConstructorParameters<typeof Guardian>[0], "podsOf" | "onVerdict">,
): Guardian {
  return new Guardian({
    ...rest,
    client,
    clock,
    models: informers.models.store,
    revisions: informers.revisions.store,
    metricsSender: tenantSenders({ deniedAddresses, plainHttpHosts: plainHttpMetrics, caBundle: registryCa }),
    // No tenant names these addresses: they are those of the pods.
    podSender: new Egress({ deniedAddresses, plainHttpHosts: "All" }),
    onLook: lookCounter(metrics.registry),
  });
}
