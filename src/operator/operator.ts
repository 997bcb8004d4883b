import { hostname } from "node:os";
import { exceptionsOf } from "../actions/index.ts";
import { GrantStore, admissionPolicies, policyGuard } from "../admission/index.ts";
import { GRANT_NAME } from "../api/index.ts";
import { type Logger, Metrics, SharedParts, systemClock } from "../kube/index.ts";
import { reachTypes } from "../reach/index.ts";
import { AccessView } from "./access-view.ts";
import { LEASE_NAME, connect } from "./connection.ts";
import type { Granting } from "./controllers/context.ts";
import { modelControllers } from "./controllers/models.ts";
import { namespaceControllers } from "./controllers/namespaces.ts";
import { trustControllers } from "./controllers/trust.ts";
import { serveDebug } from "./debug.ts";
import { declarer, importPortsFrom } from "./declarations.ts";
import { createRecorder } from "./evidence.ts";
import { importSettings } from "./import-settings.ts";
import { createInformers, informerMaker } from "./informers.ts";
import { createKServeKinds, inferenceServicesIn, wireKServe } from "./kserve.ts";
import { createNotifier } from "./notifications.ts";
import { followLogLevel } from "./log-level.ts";
import type { Options } from "./options.ts";
import { probesFrom } from "./probes.ts";
import { credentialSource } from "./pull-credentials.ts";
import { ReachView } from "./reach-view.ts";
import { repairCounter } from "./repair-counter.ts";
import { InstalledKinds } from "./served-kinds.ts";
import { registerStateMetrics } from "./state-metrics.ts";
import { deafAfterMs, serveHealth } from "./supervision.ts";
import { TrustView } from "./trust-view.ts";
import { createVerification } from "./verification.ts";
import { WallKinds } from "./wall-kinds.ts";
import { wireServed } from "./wall-wiring.ts";
import { wire } from "./wiring.ts";

/** Wires the capabilities together and works until the signal aborts or the lease is lost. */
export async function runOperator(options: Options, log: Logger, signal: AbortSignal): Promise<void> {
  const clock = systemClock;
  const now = () => clock.now();
  const { operatorNamespace: namespace, serviceAccount, kserveAccount: kserve } = options;
  const identity = { namespace, serviceAccount, kserve };
  const metrics = new Metrics({ prefix: "mlsecops_", processMetrics: true });
  const shared = { clock, log, metrics };
  const { reader, client, elector, fence, events } = connect(options, { ...shared, signal });
  const { egress, kms, logins, verifier } = await createVerification(options, { ...shared, signal }, (uri) =>
    onKmsChange(uri),
  );

  const { operatorNamespace } = options;
  const watching = { client: reader, ...shared, operatorNamespace, parts: new SharedParts() };
  const informers = createInformers(watching);
  const { definitions } = informers;
  const served = new InstalledKinds({ definitions, types: reachTypes, create: informerMaker(watching), clock });
  const kserveKinds = createKServeKinds(definitions, watching);
  const kinds = new WallKinds({ installed: served, client: reader, clock, log, signal });
  const probes = probesFrom(informers.models.store, identity);
  const declare = declarer({
    namespaces: informers.namespaces.store,
    models: informers.models.store,
    dns: options.dns,
    served: () => kinds.served,
    probes,
    imports: importSettings(options),
  });
  const reach = new ReachView(informers, { served, declare, clock, signal });
  const trust = new TrustView(informers, (uri) => kms.lookup(uri));
  const access = new AccessView(informers, { identity, expected: options.expected, clock, deafAfterMs });
  const guardProblems = policyGuard(admissionPolicies(identity), (kind, name) =>
    (kind === "ValidatingAdmissionPolicy" ? informers.admissionPolicies : informers.admissionBindings).store.get(name),
  );
  registerStateMetrics(metrics.registry, { informers, trust, guardProblems, now });
  const evidence = createRecorder(options.evidence, {
    client,
    fence,
    egress,
    plainHttpHosts: options.plainHttpRegistries,
    namespace: options.operatorNamespace,
    identity: hostname(),
    ...shared,
  });

  const context = { informers, client, events, identity, shared };
  const granting: Granting = {
    verifier,
    evidence,
    guardProblems,
    grants: new GrantStore(client, (namespace) => informers.grants.store.get(`${namespace}/${GRANT_NAME}`)),
    policies: () => trust.policies(),
    exceptions: (namespace) => exceptionsOf(informers.actions.store.list(namespace), now()),
    pullCredentials: (namespace, pulling, abort) =>
      credentialSource(
        {
          client: client.withSignal(abort),
          logins,
          defaultAccount: (name) => informers.defaultAccounts.store.get(`${name}/default`),
        },
        namespace,
        pulling,
      ),
  };
  const notifier = createNotifier(options.notifications, {
    client,
    events,
    deniedAddresses: options.deniedAddresses,
    caBundle: options.registryCa,
    namespace: options.operatorNamespace,
    ...shared,
  });
  const controllers = {
    ...trustControllers(context, trust),
    ...namespaceControllers(context, {
      kinds,
      granting,
      dns: options.dns,
      probes,
      imports: importPortsFrom(informers.models.store, importSettings(options)),
      access: (name) => access.of(name),
      reach: (namespace) => reach.reach(namespace),
      onRepair: repairCounter(metrics.registry),
    }),
    ...modelControllers(context, {
      options,
      verifier,
      granting,
      notify: notifier,
      inferenceServices: () => inferenceServicesIn(kserveKinds),
    }),
  };
  const all = Object.values(controllers);
  const { namespaceController, wallsController } = controllers;
  const onKmsChange = wire(informers, { trust, reach }, controllers);
  wireServed(kinds, informers, wallsController);
  wireKServe(kserveKinds, informers, controllers.modelController);
  kinds.onServed(() => reach.refresh());
  access.onNews((name) => namespaceController.enqueue(name));

  for (const informer of Object.values(informers)) informer.start(signal);
  served.start(signal);
  kserveKinds.start(signal);
  if (options.logLevelFile !== undefined) void followLogLevel(options.logLevelFile, shared, signal);
  const debug =
    options.debugPort === undefined ? undefined : await serveDebug({ informers, controllers: all }, options.debugPort);
  const health = await serveHealth({ informers, controllers: all }, { log, metrics, port: options.healthPort });
  try {
    const work = async (term: AbortSignal) => {
      // What is not read yet would be said to be unknown.
      await Promise.all([served.settled(term), kserveKinds.settled(term)]);
      await Promise.all([...all.map((controller) => controller.run(term)), evidence?.run(term), notifier.run(term)]);
    };
    if (options.leaderElect) {
      await elector.run({ onStarted: work, onStopped: () => log.info("stopped leading") }, signal);
    } else {
      metrics.setLeader(LEASE_NAME, true);
      await work(signal);
    }
  } finally {
    access.close();
    events.close();
    await debug?.close();
    await health.close();
  }
}
