import { CoordinationV1Api, V1MicroTime, V1ObjectMeta, type V1Lease, type V1LeaseSpec } from "@kubernetes/client-node";
import type { Clock } from "./clock.ts";
import { isKubeError } from "./kube-error.ts";
import { createTypedApi } from "./typed-api.ts";
import type { Transport } from "./transport-types.ts";

export interface LeaseLockOptions {
  readonly transport: Transport;
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  /** Rounded up to whole seconds, which is what a Lease can say. */
  readonly leaseDurationMs: number;
  /** Limit for each request, in milliseconds. */
  readonly requestDeadlineMs: number;
  readonly clock: Clock;
}

/**
 * A coordination.k8s.io/v1 Lease as a lock, by the protocol of client-go. The times written in it by others are never
 * compared with our clock: a lease is free when we have seen it unchanged for as long as it promises to be held.
 */
export class LeaseLock {
  readonly #options: LeaseLockOptions;
  readonly #api: CoordinationV1Api;
  /** As last read or written. */
  #lease: V1Lease | undefined;
  #observed = "";
  #observedAt = 0;

  constructor(options: LeaseLockOptions) {
    this.#options = options;
    this.#api = createTypedApi(CoordinationV1Api, {
      transport: options.transport,
      resource: "leases.coordination.k8s.io",
      deadlineMs: options.requestDeadlineMs,
      // Losing the lease because our own requests queue up would be absurd.
      urgent: true,
    });
  }

  /** Identity of the holder as last seen; empty when there is none. */
  get holder(): string {
    return this.#lease?.spec?.holderIdentity ?? "";
  }

  /**
   * Takes the lease if it is free or ours. False when another one holds it.
   * @throws KubeError when that cannot be known now.
   */
  async acquireOrRenew(): Promise<boolean> {
    try {
      // While we hold it nobody else writes it, so a renewal needs no reading first.
      const lease = this.#isOurs() ? this.#lease : await this.#read();
      if (lease === undefined) {
        this.#observe(await this.#create());
        return true;
      }
      if (!this.#isOurs() && !this.#isFree(lease)) return false;
      this.#observe(await this.#replace(lease, this.#specFor(lease)));
      return true;
    } catch (error) {
      // Somebody was faster, or our last write did take effect though its answer was lost. The next attempt reads.
      this.#lease = undefined;
      if (isKubeError(error, "Conflict", "AlreadyExists", "NotFound")) return await this.#isOursNow();
      throw error;
    }
  }

  /** Gives the lease back, so that another one need not wait until it expires. */
  async release(): Promise<void> {
    const lease = await this.#read();
    if (lease === undefined || !this.#isOurs()) return;
    const now = this.#microNow();
    const transitions = lease.spec?.leaseTransitions ?? 0;
    await this.#replace(lease, {
      holderIdentity: "",
      leaseDurationSeconds: 1,
      acquireTime: now,
      renewTime: now,
      leaseTransitions: transitions,
    });
    this.#lease = undefined;
  }

  /** After a lost race: read again, and renew if it turns out to be ours. */
  async #isOursNow(): Promise<boolean> {
    const lease = await this.#read();
    if (lease === undefined || !this.#isOurs()) return false;
    this.#observe(await this.#replace(lease, this.#specFor(lease)));
    return true;
  }

  #isOurs(): boolean {
    return this.holder === this.#options.identity;
  }

  #isFree(lease: V1Lease): boolean {
    if (this.holder === "") return true;
    const seconds = lease.spec?.leaseDurationSeconds;
    const promisedMs = seconds === undefined ? this.#options.leaseDurationMs : seconds * 1000;
    return this.#options.clock.monotonic() - this.#observedAt >= promisedMs;
  }

  /** Undefined when there is none. */
  async #read(): Promise<V1Lease | undefined> {
    const { namespace, name } = this.#options;
    try {
      const lease = await this.#api.readNamespacedLease({ namespace, name });
      this.#observe(lease);
      return lease;
    } catch (error) {
      if (!isKubeError(error, "NotFound")) throw error;
      this.#lease = undefined;
      return undefined;
    }
  }

  #create(): Promise<V1Lease> {
    const { namespace, name } = this.#options;
    return this.#api.createNamespacedLease({
      namespace,
      body: {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { name, namespace },
        spec: this.#specFor(undefined),
      },
    });
  }

  #replace(lease: V1Lease, spec: V1LeaseSpec): Promise<V1Lease> {
    const { namespace, name } = this.#options;
    // The resourceVersion in the metadata makes sure that we replace what we have read.
    const metadata = Object.assign(new V1ObjectMeta(), lease.metadata, { managedFields: undefined });
    const body = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec };
    return this.#api.replaceNamespacedLease({ namespace, name, body });
  }

  #specFor(lease: V1Lease | undefined): V1LeaseSpec {
    const { identity, leaseDurationMs } = this.#options;
    const before = lease?.spec;
    const continued = before?.holderIdentity === identity && before.acquireTime !== undefined;
    const transitions = before?.leaseTransitions ?? 0;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseDurationMs / 1000),
      acquireTime: continued ? new V1MicroTime(before.acquireTime ?? 0) : this.#microNow(),
      renewTime: this.#microNow(),
      leaseTransitions: lease === undefined || before?.holderIdentity === identity ? transitions : transitions + 1,
    };
  }

  #microNow(): V1MicroTime {
    return new V1MicroTime(this.#options.clock.now());
  }

  #observe(lease: V1Lease): void {
    this.#lease = lease;
    const observed = JSON.stringify(lease.spec ?? {});
    if (observed === this.#observed) return;
    this.#observed = observed;
    this.#observedAt = this.#options.clock.monotonic();
  }
}
