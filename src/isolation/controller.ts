import type { AccessFindings } from "../access/index.ts";
import {
  type GrantStore,
  type GrantOwner,
  type OperatorIdentity,
  ENFORCEMENT_LABEL,
  WORKLOAD_ROLE,
  contribute,
  isExempt,
  sweepProblems,
  withdraw,
} from "../admission/index.ts";
import {
  type AdmissionGrantSpec,
  type AllowedImage,
  type SecureModel,
  type SecureNamespace,
  type SecureNamespaceSpec,
  type SecureNamespaceStatus,
  API_VERSION,
  GRANT_NAME,
  admissionGrant,
  parseObject,
  secureNamespace,
} from "../api/index.ts";
import { type EvidenceSink, type Fact, evidenceObject } from "../governance/index.ts";
import {
  type EventDetail,
  type EventRecorder,
  type KubeError,
  type KubeObject,
  type ObjectClient,
  type ReconcileContext,
  type ReconcileResult,
  type Store,
  applyStatus,
  ensureFinalizer,
  isKubeError,
  namespaceType,
  removeFinalizer,
} from "../kube/index.ts";
import {
  type CredentialSource,
  type Exception,
  type Pulling,
  type ResolvedPolicy,
  type Verdict,
  type Verification,
  type Verifier,
  decideVerdict,
  effectiveStanding,
  isFresh,
  nextCheckMs,
  parseReference,
  settleVerdict,
  toVerdictStatus,
  verifyLatest,
} from "../trust/index.ts";
import {
  type PodObject,
  type RoleBinding,
  FIELD_MANAGER,
  FINALIZER,
  bindWorkloadRole,
  createNamespace,
  goesWith,
  hasLabels,
  setLabels,
} from "./cluster.ts";
import { accessNews } from "./conditions/access.ts";
import {
  type CheckedImage,
  type Halt,
  type UngrantedPod,
  completedStatus,
  haltedStatus,
  imageUses,
  imagesRenewalDue,
  noLabels,
  wantedLabels,
  withIsolation,
} from "./decide.ts";
import { type NamespaceReach, breachNews } from "./conditions/isolation.ts";
import { enforcementFacts, farewellFacts, imageFacts, isolationFacts } from "./evidence.ts";
import type { WallsView } from "./walls/view.ts";

export interface IsolationDependencies {
  readonly client: ObjectClient;
  readonly namespaces: Store<SecureNamespace>;
  /** The Namespaces themselves. */
  readonly living: Store<KubeObject>;
  readonly models: Store<SecureModel>;
  readonly pods: Store<PodObject>;
  /** Those of the name {@link WORKLOAD_ROLE}. */
  readonly bindings: Store<RoleBinding>;
  /** What keeps the namespace apart, and how far that is taken away. */
  readonly walls: Pick<WallsView, "state" | "leaving">;
  readonly grants: Pick<GrantStore, "change">;
  readonly verifier: Pick<Verifier, "verify">;
  readonly policies: () => readonly ResolvedPolicy[];
  readonly exceptions: (namespace: string) => readonly Exception[];
  /** What to look at registries with. */
  readonly pullCredentials: (namespace: string, pulling: Pulling, signal: AbortSignal) => CredentialSource;
  /** Who may do more in the namespace than its spec says; undefined where that cannot be known now. */
  readonly access: (namespace: string) => AccessFindings | undefined;
  /** Where the namespace lets in or out more than is declared now. */
  readonly reach: (namespace: SecureNamespace) => NamespaceReach;
  /** What is missing or changed among the admission policies. */
  readonly guardProblems: () => readonly string[];
  readonly events: Pick<EventRecorder, "emit">;
  /** Absent where no evidence is kept. */
  readonly evidence?: EvidenceSink | undefined;
  readonly identity: OperatorIdentity;
  readonly now: () => Date;
}

type CheckInput = Omit<Parameters<typeof decideVerdict>[0], "artifact" | "signatureFacts">;
type Checked = Pick<Verification, "verdict" | "artifact">;

const missingRetryMs = 30_000;
const evictedRetryMs = 10_000;
const maxEvictions = 20;
const minRenewalMs = 1_000;

/** Brings a namespace to what its SecureNamespace asks for. The key is the name of both. */
export function isolationReconciler(
  deps: IsolationDependencies,
): (key: string, context: ReconcileContext) => Promise<ReconcileResult> {
  return (key, context) => new Pass(deps, key, context).run();
}

/** One look at one SecureNamespace. */
class Pass {
  readonly #deps: IsolationDependencies;
  readonly #client: ObjectClient;
  readonly #name: string;
  readonly #context: ReconcileContext;
  readonly #owner: GrantOwner;

  constructor(deps: IsolationDependencies, name: string, context: ReconcileContext) {
    this.#deps = deps;
    this.#client = deps.client.withSignal(context.signal);
    this.#name = name;
    this.#context = context;
    this.#owner = { kind: "SecureNamespace", name };
  }

  async run(): Promise<ReconcileResult> {
    const raw = this.#deps.namespaces.get(this.#name);
    if (raw === undefined) return {};
    if (raw.metadata.deletionTimestamp !== undefined) return this.#farewell(raw);
    const parsed = parseObject(secureNamespace, raw);
    if (!parsed.ok) {
      // What is enforced stays enforced, and what is granted ends with its time.
      const message = `the spec cannot be read: ${parsed.message}`;
      return this.#halt(raw, undefined, { reason: "InvalidSpec", message });
    }
    const { spec, status } = parsed.value;
    if (spec.suspend) return this.#halt(raw, status, { reason: "Suspended" });
    if (isExempt(this.#name, this.#deps.identity)) {
      const message = `namespace ${this.#name} keeps the cluster or the operator running and is never enforced: use a namespace made for one purpose`;
      return this.#halt(raw, status, { reason: "SystemNamespace", message });
    }
    const found = await this.#namespace(raw, spec);
    if ("message" in found) {
      await this.#halt(raw, status, { reason: "NamespaceMissing", message: found.message });
      return { requeueAfterMs: missingRetryMs };
    }
    const { namespace } = found;
    const current = await ensureFinalizer(this.#client, secureNamespace.resource, raw, FINALIZER);
    // Gone or changed since: the change itself brings the next pass.
    if (current === undefined || current.metadata.deletionTimestamp !== undefined) return {};
    if (current.metadata.generation !== raw.metadata.generation) return { requeueAfterMs: 1_000 };
    return this.#secure(raw, { spec, status }, namespace);
  }

  /** The Namespace, made where it is to be made; or why there is none. */
  async #namespace(
    raw: SecureNamespace,
    spec: SecureNamespaceSpec,
  ): Promise<{ readonly namespace: KubeObject } | { readonly message: string }> {
    const name = this.#name;
    const isMade = spec.namespace === "Create";
    const living = this.#deps.living.get(name);
    if (living?.metadata.deletionTimestamp !== undefined) {
      const then = isMade
        ? "the operator makes it again afterwards"
        : "create it again afterwards, or delete this object";
      return { message: `namespace ${name} is being deleted: ${then}` };
    }
    if (living !== undefined) return { namespace: living };
    if (!isMade) {
      const message = `there is no namespace ${name}: create it with kubectl create namespace ${name}, write namespace: Create, or delete this object`;
      return { message };
    }
    // It must not be there without anybody to take care of its end.
    if (raw.metadata.finalizers?.includes(FINALIZER) !== true)
      await ensureFinalizer(this.#client, secureNamespace.resource, raw, FINALIZER);
    try {
      return { namespace: await createNamespace(this.#client, raw, wantedLabels(spec)) };
    } catch (error) {
      if (!isKubeError(error) || isKubeError(error, "Fenced", "Aborted")) throw error;
      // Not known here yet.
      const there = isKubeError(error, "AlreadyExists") ? await this.#client.get(namespaceType, { name }) : undefined;
      if (there !== undefined && there.metadata.deletionTimestamp === undefined) return { namespace: there };
      return { message: `namespace ${name} cannot be made: ${error.message}. It is tried again` };
    }
  }

  async #secure(
    object: SecureNamespace,
    { spec, status }: { readonly spec: SecureNamespaceSpec; readonly status: SecureNamespaceStatus | undefined },
    namespace: KubeObject,
  ): Promise<ReconcileResult> {
    const { guardProblems } = this.#deps;
    // Registries may be slow: what opens the namespace is said before they are asked.
    const raw = await this.#reportBreaches(object, { spec, status });
    // Grants do not need it: what must be withdrawn is withdrawn all the same.
    const unbound = await this.#bind();

    const images = await Promise.all(spec.allowedImages.map((image) => this.#check(image, status)));
    // A pass that was cut short knows nothing: what it could not find out must not decide.
    this.#context.signal.throwIfAborted();
    const grant = await this.#grant(images);
    this.#announceImages(raw, images, status);
    this.#record(raw, () => imageFacts(images, grant, this.#owner));

    const walls = this.#deps.walls.state(this.#name, raw.metadata.uid);
    const isWalled = (walls?.generation ?? -1) >= (raw.metadata.generation ?? 0);
    // Only now: labels without a grant would refuse everything, and without walls they would promise too much.
    const wanted = wantedLabels(spec);
    const isDue = isWalled || spec.enforcement === "Audit";
    const labelled = isDue ? await setLabels(this.#client, namespace, wanted) : namespace;

    const ungranted = this.#sweep(grant, spec);
    const evicted = spec.onUngranted === "Evict" && spec.enforcement === "Enforce" ? await this.#evict(ungranted) : 0;
    this.#announcePods(raw, ungranted, status);
    const access = this.#deps.access(this.#name);
    this.#announceAccess(raw, access, status);

    const now = this.#deps.now();
    const next = completedStatus(
      status,
      {
        spec,
        generation: raw.metadata.generation ?? 0,
        images,
        guardProblems: guardProblems(),
        labelled: hasLabels(labelled, wanted),
        walls,
        ungranted,
        evicted,
        access,
        name: this.#name,
        reach: this.#deps.reach({ ...raw, spec }),
        grantedDigests: Object.keys(grant.digests).length,
      },
      now,
    );
    await this.#write(raw, next);
    if (unbound !== undefined) throw unbound.error;
    const verdicts = images.map(({ verdict }) => verdict);
    const renewal = imagesRenewalDue(images, grant, this.#owner);
    const renewalMs = renewal === undefined ? Infinity : Math.max(minRenewalMs, renewal.getTime() - now.getTime());
    const dueMs = Math.min(nextCheckMs(verdicts, now), renewalMs);
    return { requeueAfterMs: evicted > 0 ? Math.min(evictedRetryMs, dueMs) : dueMs };
  }

  /** Returns the object as it then is. The first time there is nothing to hurry with. */
  async #reportBreaches(
    raw: SecureNamespace,
    { spec, status }: { readonly spec: SecureNamespaceSpec; readonly status: SecureNamespaceStatus | undefined },
  ): Promise<SecureNamespace> {
    if (status?.conditions?.some(({ type }) => type === "Isolated") !== true) return raw;
    const seen = {
      name: this.#name,
      generation: raw.metadata.generation ?? 0,
      spec,
      reach: this.#deps.reach({ ...raw, spec }),
    };
    const next = withIsolation(status, seen, this.#deps.now());
    // Of the rest of the status nothing is known yet, and the cache may be behind what this operator has written.
    this.#record(raw, () => isolationFacts(next));
    const { resourceVersion } = raw.metadata;
    const write = { status: next, fieldManager: FIELD_MANAGER, resourceVersion };
    try {
      await applyStatus(this.#client, secureNamespace.resource, raw, write);
    } catch (error) {
      if (!isKubeError(error, "Conflict")) throw error;
      return raw;
    }
    this.#announceBreaches(raw, next);
    return { ...raw, status: next };
  }

  async #bind(): Promise<{ readonly error: KubeError } | undefined> {
    try {
      const { identity, bindings } = this.#deps;
      const living = bindings.get(`${this.#name}/${WORKLOAD_ROLE}`);
      await bindWorkloadRole(this.#client, this.#name, { identity, living });
      return undefined;
    } catch (error) {
      if (!isKubeError(error) || isKubeError(error, "Fenced", "Aborted")) throw error;
      return { error };
    }
  }

  async #check(image: AllowedImage, status: SecureNamespaceStatus | undefined): Promise<CheckedImage> {
    const { policies, exceptions, now } = this.#deps;
    const at = now();
    const entry = status?.images?.find(({ name }) => name === image.name);
    // Another reference is another artifact, and nothing is known of it.
    const previous = entry?.reference === image.reference ? entry.verdict : undefined;
    const input = {
      namespace: this.#name,
      policies: policies(),
      exceptions: exceptions(this.#name),
      use: "Image" as const,
      required: image.policies?.map(({ name }) => name) ?? [],
      previous,
      now: at,
    };
    const found = await this.#verify(image, input);
    const { verdict, artifact } = (await this.#before(image, input, found.verdict)) ?? found;
    return {
      image,
      verdict: settleVerdict(previous, toVerdictStatus(verdict), at),
      standing: effectiveStanding(verdict, at),
      platformDigests: artifact?.platformDigests ?? [],
    };
  }

  /**
   * What a tag led to before, while that still verifies: whoever moves the tag to something else, or makes it vanish, must
   * not take away what runs. Undefined when the verdict stands as it is.
   */
  async #before(image: AllowedImage, input: CheckInput, verdict: Verdict): Promise<Checked | undefined> {
    const digest = input.previous?.digest;
    const parsed = parseReference(image.reference);
    if (verdict.outcome === "Verified" || digest === undefined || !parsed.ok || parsed.reference.digest !== undefined)
      return undefined;
    const before = await this.#verify({ ...image, reference: `${parsed.reference.name}@${digest}` }, input);
    if (before.verdict.outcome !== "Verified") return undefined;
    const warning = `the image stays at ${digest}, since the tag cannot be used now: ${verdict.reason}: ${verdict.message}`;
    // To be looked at again when the tag is: a signature may follow.
    const recheckAfter = new Date(Math.min(+before.verdict.recheckAfter, +verdict.recheckAfter));
    const warnings = [...before.verdict.warnings, warning];
    return { ...before, verdict: { ...before.verdict, recheckAfter, warnings } };
  }

  async #verify(image: AllowedImage, input: CheckInput): Promise<Checked> {
    const { verifier } = this.#deps;
    const { signal } = this.#context;
    const { previous, now } = input;
    const parsed = parseReference(image.reference);
    const digest = (parsed.ok ? parsed.reference.digest : undefined) ?? previous?.digest;
    const login = this.#login(image);
    const { policies: _policies, exceptions: _exceptions, ...rest } = input;
    try {
      return await verifyLatest(verifier, this.#deps, {
        ...rest,
        reference: image.reference,
        credentialSource: login.source,
        signal,
        // A tag is resolved when its verdict is due, not in each of the passes in between.
        digest: previous !== undefined && isFresh(previous, now) ? previous.digest : undefined,
      });
    } catch (error) {
      signal.throwIfAborted();
      if (!parsed.ok || !login.failed()) throw error;
      this.#context.log.warn({ err: error, image: image.name }, "the pull secrets of an image cannot be read");
      // To ask as nobody could take "no" for an answer that was never meant for this tenant.
      const message = "the pull secrets of the image cannot be read now";
      const { name } = parsed.reference;
      const artifact = { state: "Unavailable", name, digest, reason: "RegistryUnavailable", message } as const;
      return { verdict: decideVerdict({ ...input, artifact, signatureFacts: [] }) };
    }
  }

  #login(image: AllowedImage): { readonly source: CredentialSource | undefined; readonly failed: () => boolean } {
    let hasFailed = false;
    const failed = () => hasFailed;
    // Most images need no login, and the operator then needs no right in the namespace.
    const isOpen = (image.pullSecrets ?? []).length === 0 && image.serviceAccountName === undefined;
    if (isOpen) return { source: undefined, failed };
    const { who, read } = this.#deps.pullCredentials(this.#name, image, this.#context.signal);
    const watched = () =>
      read().catch((error: unknown) => {
        hasFailed = true;
        throw error;
      });
    return { source: { who, read: watched }, failed };
  }

  #grant(images: readonly CheckedImage[]): Promise<AdmissionGrantSpec> {
    const { grants, models } = this.#deps;
    const now = this.#deps.now();
    const isOrphan = ({ kind, name }: GrantOwner) =>
      kind === "SecureModel" && models.get(`${this.#name}/${name}`) === undefined;
    return grants.change(
      this.#name,
      (grant) =>
        contribute(withdraw(grant, isOrphan), this.#owner, {
          uses: imageUses(images, grant, this.#owner, now),
          revisions: {},
        }),
      { signal: this.#context.signal, ensure: true },
    );
  }

  /** The running pods that would not be admitted now. */
  #sweep(grant: AdmissionGrantSpec, { profile }: SecureNamespaceSpec): readonly UngrantedPod[] {
    const now = this.#deps.now();
    return this.#deps.pods
      .list(this.#name)
      .filter((pod) => pod.metadata.deletionTimestamp === undefined && !isFinished(pod))
      .flatMap((pod) => {
        const problems = sweepProblems(pod, grant, profile, admittedAt(pod, now));
        return problems.length === 0 ? [] : [{ name: pod.metadata.name, problem: problems.join("; ") }];
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Returns how many were asked to leave. */
  async #evict(pods: readonly UngrantedPod[]): Promise<number> {
    let evicted = 0;
    for (const { name, problem } of pods.slice(0, maxEvictions)) {
      try {
        await this.#client.evict({ namespace: this.#name, name });
        evicted += 1;
        this.#context.log.info({ pod: name, problem }, "evicted an ungranted pod");
      } catch (error) {
        // One pod that a disruption budget holds does not hold the others.
        if (!isKubeError(error) || isKubeError(error, "Fenced", "Aborted")) throw error;
        this.#context.log.warn({ err: error, pod: name }, "an ungranted pod could not be evicted");
      }
    }
    return evicted;
  }

  #announceImages(
    raw: SecureNamespace,
    images: readonly CheckedImage[],
    status: SecureNamespaceStatus | undefined,
  ): void {
    for (const { image, verdict } of images) {
      const before = status?.images?.find(({ name }) => name === image.name)?.verdict;
      for (const warning of verdict.warnings ?? []) {
        if (before?.warnings?.includes(warning) === true) continue;
        const note = `allowed image ${image.name}: ${warning}`;
        this.#warn(raw, { reason: "PolicyWarning", action: "Verify", note });
      }
      if (verdict.outcome === "Verified") continue;
      if (before?.outcome === verdict.outcome && before.reason === verdict.reason && before.digest === verdict.digest)
        continue;
      this.#warn(raw, {
        reason: verdict.outcome === "Rejected" ? "ImageRejected" : "ImageIndeterminate",
        action: "Verify",
        note: `allowed image ${image.name}: ${verdict.reason}: ${verdict.message}`,
      });
    }
  }

  #announcePods(
    raw: SecureNamespace,
    ungranted: readonly UngrantedPod[],
    status: SecureNamespaceStatus | undefined,
  ): void {
    const [first] = ungranted;
    const before = status?.ungrantedPods;
    if (first === undefined || (before?.count === ungranted.length && before.examples[0]?.name === first.name)) return;
    const note = `${ungranted.length} running pods would not be admitted now, for example ${first.name}: ${first.problem}`;
    this.#warn(raw, { reason: "UngrantedPods", action: "Sweep", note });
  }

  #announceAccess(
    raw: SecureNamespace,
    access: AccessFindings | undefined,
    status: SecureNamespaceStatus | undefined,
  ): void {
    const note = access === undefined ? undefined : accessNews(status?.access, access);
    if (note !== undefined) this.#warn(raw, { reason: "AccessNotTight", action: "Compare", note });
  }

  #announceBreaches(raw: SecureNamespace, status: SecureNamespaceStatus): void {
    if (status.breaches === undefined) return;
    for (const news of breachNews(raw.status?.breaches, status.breaches))
      this.#emit(raw, { ...news, action: "Compare" });
  }

  #warn(
    raw: SecureNamespace,
    detail: { readonly reason: string; readonly action: string; readonly note: string },
  ): void {
    this.#emit(raw, { type: "Warning", ...detail });
  }

  #emit(raw: SecureNamespace, detail: EventDetail): void {
    const regarding = { apiVersion: API_VERSION, kind: secureNamespace.resource.kind, metadata: raw.metadata };
    this.#deps.events.emit(regarding, detail);
  }

  /** Says why the pass ends here, and does nothing else. */
  async #halt(raw: SecureNamespace, status: SecureNamespaceStatus | undefined, halt: Halt): Promise<ReconcileResult> {
    await this.#write(
      raw,
      haltedStatus(status, halt, { generation: raw.metadata.generation ?? 0, now: this.#deps.now() }),
    );
    return {};
  }

  async #write(raw: SecureNamespace, status: SecureNamespaceStatus): Promise<void> {
    this.#record(raw, () => [...enforcementFacts(raw.spec.profile, status), ...isolationFacts(status)]);
    this.#announceBreaches(raw, status);
    const evidence = this.#deps.evidence?.head(raw.metadata.uid ?? "") ?? raw.status?.evidence;
    const along = evidence === undefined ? undefined : { evidence };
    await applyStatus(this.#client, secureNamespace.resource, raw, { status, fieldManager: FIELD_MANAGER, along });
  }

  #record(raw: SecureNamespace, facts: () => readonly Fact[]): void {
    const object = evidenceObject(secureNamespace.resource, raw);
    if (object !== undefined) this.#deps.evidence?.record(object, facts);
  }

  async #farewell(raw: SecureNamespace): Promise<ReconcileResult> {
    if (raw.metadata.finalizers?.includes(FINALIZER) !== true) return {};
    if (!isExempt(this.#name, this.#deps.identity)) {
      const walls = this.#deps.walls.leaving(this.#name, raw.metadata.uid);
      if (walls?.state === "Failed") return this.#stuck(raw, walls.message);
      // Who takes them away wakes this when it is done.
      if (walls === undefined) return {};
      try {
        await this.#release(raw);
      } catch (error) {
        if (isKubeError(error) && !isKubeError(error, "Fenced", "Aborted")) await this.#stuck(raw, error.message);
        throw error;
      }
    }
    await removeFinalizer(this.#client, secureNamespace.resource, raw, FINALIZER);
    return {};
  }

  /** Says why the object is still there. */
  #stuck(raw: SecureNamespace, problem: string): Promise<ReconcileResult> {
    const message = `${problem}. It is tried again; to let go without it, remove the finalizer ${FINALIZER}: what is closed then stays closed`;
    return this.#halt(raw, raw.status, { reason: "CleanupFailed", message });
  }

  async #release(raw: SecureNamespace): Promise<void> {
    const namespace = await this.#client.get(namespaceType, { name: this.#name });
    // With a namespace that goes, everything in it goes.
    if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined) return;
    const parsed = parseObject(secureNamespace, raw);
    // A spec that cannot be read opens nothing, and deletes nothing.
    const deletionPolicy = parsed.ok ? parsed.value.spec.deletionPolicy : "KeepClosed";
    if (deletionPolicy === "Open") {
      await setLabels(this.#client, namespace, noLabels);
      await this.#client.remove(admissionGrant.resource, { namespace: this.#name, name: GRANT_NAME });
      this.#record(raw, () => farewellFacts(raw.spec.profile, { opens: true }));
      return;
    }
    if (deletionPolicy === "DeleteNamespace") {
      if (goesWith(raw, { deletionPolicy }, namespace)) {
        const { uid } = namespace.metadata;
        await this.#client.remove(namespaceType, { name: this.#name }, uid === undefined ? {} : { uid });
        this.#record(raw, () => farewellFacts(raw.spec.profile, { opens: false }));
        return;
      }
      const note = `namespace ${this.#name} was not made for this object, so it stays, and stays closed: delete it with kubectl delete namespace ${this.#name}`;
      this.#warn(raw, { reason: "NamespaceKept", action: "Delete", note });
    }
    const isOwn = ({ kind, name }: GrantOwner) => kind === this.#owner.kind && name === this.#owner.name;
    await this.#deps.grants.change(this.#name, (grant) => withdraw(grant, isOwn), {
      signal: this.#context.signal,
    });
    this.#record(raw, () => farewellFacts(raw.spec.profile, { opens: false }));
    // A namespace that was created again in the meantime has no labels yet, and from here on nobody sets them.
    const unlabelled = namespace.metadata.labels?.[ENFORCEMENT_LABEL] === undefined;
    if (unlabelled && parsed.ok && parsed.value.spec.enforcement === "Enforce")
      await setLabels(this.#client, namespace, wantedLabels(parsed.value.spec));
  }
}

function isFinished({ status }: PodObject): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}

/**
 * A grant says until when a pod may be created. One that is past and still stands lets run what was created in time: who
 * wants that ended withdraws it.
 */
function admittedAt({ metadata }: PodObject, now: Date): Date {
  const created = Date.parse(metadata.creationTimestamp ?? "");
  return Number.isNaN(created) ? now : new Date(Math.min(created, now.getTime()));
}
