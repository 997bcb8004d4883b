import { hostname } from "node:os";
import { randomUUID } from "node:crypto";
import { KubeConfig } from "@kubernetes/client-node";
import { GRANT_NAME } from "../api/index.ts";
import { peopleBindings } from "../access/index.ts";
import { actionReconciler, exceptionsOf, ordersFor } from "../actions/index.ts";
import { GrantStore, WORKLOAD_ROLE, admissionPolicies, isExempt, policyProblems } from "../admission/index.ts";
import { Egress } from "../egress/index.ts";
import { FormatScanner } from "../formats/index.ts";
import { Guardian } from "../health/index.ts";
import { LivingWalls, WallsView, bindWorkloadRole, isolationReconciler, wallsReconciler } from "../isolation/index.ts";
import {
  Controller,
  EventRecorder,
  HealthRegistry,
  HealthServer,
  LeaderElector,
  type Logger,
  Metrics,
  ObjectClient,
  TokenBucket,
  createTransport,
  systemClock,
} from "../kube/index.ts";
import { reachTypes } from "../reach/index.ts";
import { servingReconciler } from "../serving/index.ts";
import {
  ArtifactStore,
  CloudLogins,
  Cosign,
  KmsKeys,
  type Pulling,
  Verifier,
  policyReconciler,
} from "../trust/index.ts";
import { AccessView } from "./access-view.ts";
import { declarer } from "./declarations.ts";
import { createRecorder } from "./evidence.ts";
import { importSettings } from "./import-settings.ts";
import { createInformers, informerMaker, usersOf } from "./informers.ts";
import { lookCounter } from "./look-counter.ts";
import { metricsSenders } from "./metrics-senders.ts";
import type { Options } from "./options.ts";
import { probesFrom } from "./probes.ts";
import { credentialSource } from "./pull-credentials.ts";
import { countedBudget } from "./recheck-metrics.ts";
import { ReachView } from "./reach-view.ts";
import { repairCounter } from "./repair-counter.ts";
import { InstalledKinds } from "./served-kinds.ts";
import { registerStateMetrics } from "./state-metrics.ts";
import { TrustView } from "./trust-view.ts";
import { WallKinds } from "./wall-kinds.ts";
import { wallSources } from "./wall-sources.ts";
import { wire, wireServed } from "./wiring.ts";

/** A pass may read tens of gigabytes from a registry. It takes longer than the verifier's own limit for that, which tells why. */
const passDeadlineMs = 20 * 60_000;
/** Of what is kept over a restart: some 20,000 artifacts with two signatures each. */
const maxStateBytes = 192 * 1024 ** 2;
const leaseName = "mlsecops-operator";
/** A watch older than this is deaf, a pass longer than this is stuck: the process is then restarted. */
const deafAfterMs = 180_000;
const stuckAfterMs = 30 * 60_000;

/** Wires the capabilities together and works until the signal aborts or the lease is lost. */
export async function runOperator(options: Options, log: Logger, signal: AbortSignal): Promise<void> {
  const clock = systemClock;
  const now = () => clock.now();
  const identity = { namespace: options.operatorNamespace, serviceAccount: options.serviceAccount };
  const metrics = new Metrics({ prefix: "mlsecops_", processMetrics: true });
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromDefault();
  const transport = createTransport({
    kubeConfig,
    clock,
    log,
    metrics,
    userAgent: "mlsecops-operator",
    rateLimit: options.requests,
  });
  const reader = new ObjectClient({ transport, signal });
  const elector = new LeaderElector({
    client: reader,
    namespace: options.operatorNamespace,
    name: leaseName,
    identity: `${hostname()}-${randomUUID()}`,
    leaseDurationMs: 15_000,
    renewDeadlineMs: 10_000,
    retryPeriodMs: 2_000,
    clock,
    log,
    metrics,
  });
  const client = options.leaderElect ? reader.withFence(elector.fence) : reader;
  const events = new EventRecorder({
    client,
    reportingController: "mlsecops.io/operator",
    reportingInstance: hostname(),
    clock,
    log,
    metrics,
  });

  const watching = { client: reader, clock, log, metrics, operatorNamespace: options.operatorNamespace };
  const informers = createInformers(watching);
  const { definitions } = informers;
  const served = new InstalledKinds({ definitions, types: reachTypes, create: informerMaker(watching), clock });
  const kinds = new WallKinds({ client: reader, clock, log, metrics });
  const probes = probesFrom(informers.models.store, identity);
  const declare = declarer({
    namespaces: informers.namespaces.store,
    models: informers.models.store,
    dns: options.dns,
    served: () => kinds.served,
    probes,
    imports: importSettings(options),
  });
  const reach = new ReachView(informers, served, declare);
  const cosign = new Cosign({ path: options.cosign });
  const kms = new KmsKeys({
    read: (uri, variables, abort) => cosign.publicKey(uri, variables, abort),
    environment: process.env,
    pluginDir: options.kmsPlugins,
    now,
    onChange: (uri) => onKmsChange(uri),
    signal,
  });
  const trust = new TrustView(informers, (uri) => kms.lookup(uri));
  const access = new AccessView(informers, { identity, expected: options.expected, clock, deafAfterMs });
  const wantedPolicies = admissionPolicies(identity);
  const guardProblems = () =>
    policyProblems(wantedPolicies, (kind, name) =>
      (kind === "ValidatingAdmissionPolicy" ? informers.admissionPolicies : informers.admissionBindings).store.get(
        name,
      ),
    );
  registerStateMetrics(metrics.registry, { informers, trust, guardProblems, now });
  const tool = await cosign.selfTest(signal);
  // A tool that cannot tell good from bad must not decide, and one that is missing never will.
  if (!tool.ok) throw new Error(`cosign is not fit for use: ${tool.problem}`);
  log.info({ cosign: tool.version }, "cosign tells good signatures from bad ones");
  const egress = new Egress({
    plainHttpHosts: options.plainHttpRegistries,
    deniedAddresses: options.deniedAddresses,
    caBundle: options.registryCa,
    // Tenants have their own bounds at each registry: one alone cannot take all of these.
    maxConnectionsPerHost: 64,
  });
  const store =
    options.stateDir === undefined
      ? undefined
      : new ArtifactStore(options.stateDir, {
          maxBytes: maxStateBytes,
          onProblem: (error) => log.warn({ err: error }, "what is known of an artifact cannot be kept over a restart"),
        });
  await store?.open();
  const verifier = new Verifier({
    egress,
    store,
    bundleVerifier: cosign,
    plainHttpHosts: options.plainHttpRegistries,
    mirrors: options.registryMirrors,
    scanner: new FormatScanner(),
    limits: { maxLayerBytes: options.maxArtifactBytes },
    recheckBudget: countedBudget(
      metrics.registry,
      new TokenBucket({ perSecond: options.rechecksPerSecond, burst: options.rechecksPerSecond * 10 }, clock),
    ),
    clock: now,
  });
  const logins = new CloudLogins({
    egress,
    endpoints: options.cloudEndpoints,
    googleProvider: options.googleWorkloadIdentityProvider,
    now,
  });
  const evidence = createRecorder(options.evidence, {
    client,
    fence: options.leaderElect ? elector.fence : undefined,
    egress,
    plainHttpHosts: options.plainHttpRegistries,
    namespace: options.operatorNamespace,
    identity: hostname(),
    clock,
    log,
    metrics,
  });
  const common = {
    client,
    verifier,
    events,
    evidence,
    now,
    guardProblems,
    grants: new GrantStore(client, (namespace) => informers.grants.store.get(`${namespace}/${GRANT_NAME}`)),
    policies: () => trust.policies(),
    exceptions: (namespace: string) => exceptionsOf(informers.actions.store.list(namespace), now()),
    pullCredentials: (namespace: string, pulling: Pulling, abort: AbortSignal) =>
      credentialSource({ client: client.withSignal(abort), logins }, namespace, pulling),
  };

  const shared = { log, clock, metrics };
  const wallsView = new WallsView();
  const policyController = new Controller({
    ...shared,
    name: "trust",
    reconcile: policyReconciler({
      client,
      events,
      now,
      store: informers.policies.store,
      resolved: (name) => trust.policy(name),
      dependents: (name) =>
        informers.models.store.byIndex("policy", name).length +
        informers.namespaces.store.byIndex("policy", name).length,
    }),
  });
  const actionController = new Controller({
    ...shared,
    name: "actions",
    reconcile: actionReconciler({
      client,
      events,
      now,
      store: informers.actions.store,
      usedBy: (namespace, action) => usersOf(informers, `${namespace}/${action}`),
    }),
  });
  const namespaceController = new Controller({
    ...shared,
    name: "isolation",
    workers: 4,
    urgentWorkers: 2,
    deadlineMs: passDeadlineMs,
    reconcile: isolationReconciler({
      ...common,
      identity,
      namespaces: informers.namespaces.store,
      living: informers.living.store,
      models: informers.models.store,
      pods: informers.pods.store,
      bindings: informers.bindings.store,
      access: (name) => access.of(name),
      reach: (namespace) => reach.reach(namespace),
      walls: wallsView,
    }),
  });
  const wallsController = new Controller({
    ...shared,
    name: "walls",
    // They wait for nothing but the API server: what is taken down comes back within two seconds.
    workers: 32,
    reconcile: wallsReconciler({
      client,
      events,
      now,
      identity,
      namespaces: informers.namespaces.store,
      living: informers.living.store,
      pods: informers.pods.store,
      bindings: informers.bindings.store,
      walls: new LivingWalls(() => [...wallSources(informers), ...kinds.sources]),
      view: wallsView,
      served: () => kinds.served,
      dns: options.dns,
      probes,
      people: peopleBindings,
      changed: (name) => namespaceController.enqueueUrgent(name),
      onRepair: repairCounter(metrics.registry),
    }),
  });
  const podsOf = (namespace: string, model: string) => informers.pods.store.byIndex("model", `${namespace}/${model}`);
  const { deniedAddresses } = options;
  const guardian = new Guardian({
    client,
    clock,
    models: informers.models.store,
    revisions: informers.revisions.store,
    podsOf,
    metricsSender: metricsSenders({
      deniedAddresses,
      plainHttpHosts: options.plainHttpMetrics,
      caBundle: options.registryCa,
    }),
    // No tenant names these addresses: they are those of the pods.
    podSender: new Egress({ deniedAddresses, plainHttpHosts: "All" }),
    // What fails is to be left at once.
    onVerdict: (key) => modelController.enqueueUrgent(key),
    onLook: lookCounter(metrics.registry),
  });
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
    workers: 8,
    // They hardly do more than wait for the API server.
    urgentWorkers: 96,
    deadlineMs: passDeadlineMs,
    reconcile: servingReconciler({
      ...common,
      models: informers.models.store,
      revisions: informers.revisions.store,
      namespaces: informers.namespaces.store,
      grantObjects: informers.grants.store,
      deployments: informers.deployments.store,
      services: informers.services.store,
      imports: {
        jobs: informers.jobs.store,
        settings: importSettings(options),
        manifest: async (namespace, oci, abort) => {
          const credentials = await common.pullCredentials(namespace, oci, abort).read();
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
      clock,
    }),
  });

  const controllers = {
    actionController,
    policyController,
    namespaceController,
    wallsController,
    modelController,
    healthController,
  };
  const onKmsChange = wire(informers, { trust, reach }, controllers);
  wireServed(kinds, informers, wallsController);
  kinds.onServed(() => reach.refresh());
  access.onNews((name) => namespaceController.enqueue(name));
  const live = new HealthRegistry();
  const ready = new HealthRegistry();
  for (const [name, informer] of Object.entries(informers)) {
    live.add(`watch-${name}`, () => informer.health(deafAfterMs));
    ready.add(`synced-${name}`, () => ({
      healthy: informer.synced(),
      detail: informer.synced() ? "synced" : "listing",
    }));
    informer.start(signal);
  }
  await kinds.start(signal);
  for (const controller of Object.values(controllers))
    live.add(`worker-${controller.name}`, () => controller.health(stuckAfterMs));
  served.start(signal);
  const health = new HealthServer({ live, ready, metrics, log, port: options.healthPort });
  await health.listen();
  try {
    const work = async (term: AbortSignal) => {
      // What is not read yet would be said to be unknown.
      await served.settled(term);
      await Promise.all([...Object.values(controllers).map((controller) => controller.run(term)), evidence?.run(term)]);
    };
    if (options.leaderElect) {
      await elector.run({ onStarted: work, onStopped: () => log.info("stopped leading") }, signal);
    } else {
      metrics.setLeader(leaseName, true);
      await work(signal);
    }
  } finally {
    access.close();
    events.close();
    await health.close();
  }
}
