import { isDeepStrictEqual } from "node:util";
import {
  type AdmissionGrant,
  type AdmissionGrantSpec,
  API_VERSION,
  GRANT_NAME,
  admissionGrant,
  parseObject,
} from "../api/index.ts";
import { type ObjectClient, compareVersions, isKubeError } from "../kube/index.ts";
import type { GrantChange } from "./grant-change.ts";
import { emptyGrant } from "./grant.ts";

const attempts = 5;

interface Written {
  readonly grant: AdmissionGrant;
  /** The version that the cache had then, to notice an API server that was set back to an earlier state. */
  readonly cachedAt: string | undefined;
}

/**
 * The changes of one namespace's grant, one write at a time: what is asked for while one is under way goes into the next one
 * together. The grant is read from the API server only where nothing is known of it, or what was known turned out to be old:
 * every write is under optimistic lock, so that it never brings back what somebody else has withdrawn.
 */
export class GrantLane {
  readonly #client: ObjectClient;
  readonly #namespace: string;
  readonly #cached: () => AdmissionGrant | undefined;
  #waiting: GrantChange[] = [];
  #isBusy = false;
  #written: Written | undefined;
  /** It is unknown whether the last write took effect. */
  #isDoubtful = false;
  #parsed: { readonly grant: AdmissionGrant; readonly spec: AdmissionGrantSpec } | undefined;

  /** `cached`: what the watch has brought of the grant, which may be behind. */
  constructor(client: ObjectClient, namespace: string, cached: () => AdmissionGrant | undefined) {
    this.#client = client;
    this.#namespace = namespace;
    this.#cached = cached;
  }

  get isIdle(): boolean {
    return !this.#isBusy;
  }

  add(change: GrantChange): void {
    this.#waiting.push(change);
    if (!this.#isBusy) void this.#work();
  }

  async #work(): Promise<void> {
    this.#isBusy = true;
    // Many are woken by the same event: those who ask right now go together already.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const changes = this.#waiting;
      this.#waiting = [];
      await this.#settle(changes);
    }
    this.#isBusy = false;
  }

  /** Every change is over afterwards. Never rejects. */
  async #settle(changes: readonly GrantChange[]): Promise<void> {
    try {
      await this.#write(changes);
    } catch (error) {
      this.#written = undefined;
      this.#isDoubtful = true;
      const left = wanted(changes);
      // What the API server refuses may be the fault of one change: it must not keep the others from being written.
      if (left.length > 1 && isKubeError(error, "Invalid", "BadRequest", "Forbidden"))
        for (const change of left) await this.#settle([change]);
      else for (const change of left) change.fail(error);
    }
  }

  async #write(changes: readonly GrantChange[]): Promise<void> {
    let current = this.#known() ?? (await this.#read());
    for (let attempt = 1; ; attempt++) {
      const before = this.#specOf(current);
      // Whoever has given up may go by what no longer holds.
      const after = editedBy(wanted(changes), before);
      const made = wanted(changes);
      const mustCreate = current === undefined && made.some(({ edit }) => edit.ensure);
      try {
        const isSame = made.length === 0 || (!mustCreate && isDeepStrictEqual(before, after));
        if (!isSame) await this.#put(current, after);
        for (const change of wanted(made)) change.succeed(isSame ? before : after);
        return;
      } catch (error) {
        const raced =
          isKubeError(error, "Conflict", "AlreadyExists") || (current !== undefined && isKubeError(error, "NotFound"));
        if (!raced || attempt === attempts) throw error;
      }
      current = await this.#read();
    }
  }

  /** What is known without asking: the newer one of what the watch has brought and what was written here. */
  #known(): AdmissionGrant | undefined {
    if (this.#isDoubtful) return undefined;
    const cached = this.#cached();
    const written = this.#written;
    if (written === undefined) return lockable(cached);
    const version = cached?.metadata.resourceVersion;
    const wasSetBack = (compareVersions(version, written.cachedAt) ?? 0) < 0;
    const order = compareVersions(version, written.grant.metadata.resourceVersion);
    // Not in the cache: not there yet, or deleted since.
    if (order === undefined && !wasSetBack) return undefined;
    if (order !== undefined && order < 0 && !wasSetBack) return written.grant;
    this.#written = undefined;
    return lockable(cached);
  }

  async #read(): Promise<AdmissionGrant | undefined> {
    const key = { namespace: this.#namespace, name: GRANT_NAME };
    const living = await this.#client.get<AdmissionGrant>(admissionGrant.resource, key);
    this.#remember(living);
    return living;
  }

  async #put(current: AdmissionGrant | undefined, spec: AdmissionGrantSpec): Promise<void> {
    const object: AdmissionGrant = {
      apiVersion: API_VERSION,
      kind: admissionGrant.resource.kind,
      metadata: { ...current?.metadata, name: GRANT_NAME, namespace: this.#namespace },
      spec,
    };
    const { resource } = admissionGrant;
    this.#remember(
      current === undefined
        ? await this.#client.create(resource, object)
        : await this.#client.replace(resource, object),
    );
  }

  #remember(grant: AdmissionGrant | undefined): void {
    this.#isDoubtful = false;
    const cachedAt = this.#cached()?.metadata.resourceVersion;
    this.#written = lockable(grant) === undefined || grant === undefined ? undefined : { grant, cachedAt };
  }

  /** A grant that does not parse grants nothing: it is written anew from what its owners say. */
  #specOf(grant: AdmissionGrant | undefined): AdmissionGrantSpec {
    if (grant === undefined) return emptyGrant;
    if (this.#parsed?.grant === grant) return this.#parsed.spec;
    const parsed = parseObject(admissionGrant, grant);
    const spec = parsed.ok ? parsed.value.spec : emptyGrant;
    this.#parsed = { grant, spec };
    return spec;
  }
}

function wanted(changes: readonly GrantChange[]): readonly GrantChange[] {
  return changes.filter(({ isWanted }) => isWanted);
}

/** One change after the other. A change that throws is over, and the others go on without it. */
function editedBy(changes: readonly GrantChange[], before: AdmissionGrantSpec): AdmissionGrantSpec {
  return changes.reduce((grant, change) => {
    try {
      return change.edit.change(grant);
    } catch (error) {
      change.fail(error);
      return grant;
    }
  }, before);
}

/** Without a version it could be written over what somebody else has written since. */
function lockable(grant: AdmissionGrant | undefined): AdmissionGrant | undefined {
  return grant?.metadata.resourceVersion === undefined ? undefined : grant;
}
