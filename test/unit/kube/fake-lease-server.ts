import { KubeError, type Transport, type TransportRequest, type TransportResponse } from "../../../src/kube/index.ts";

interface StoredLease {
  metadata: { resourceVersion?: string };
  spec: { holderIdentity?: string; leaseTransitions?: number; leaseDurationSeconds?: number };
}

/** One Lease with optimistic locking, and a transport to it for each candidate that a test can break. */
export class FakeLeaseServer {
  lease: StoredLease | undefined;
  #version = 0;

  get holder(): string {
    return this.lease?.spec.holderIdentity ?? "";
  }

  /** `fault` is asked before each request: it may throw, or return a promise to wait for. */
  transport(fault: (request: TransportRequest) => void | Promise<void> = () => undefined): Transport {
    return {
      request: async (request) => {
        await fault(request);
        return this.#answer(request);
      },
      stream: () => Promise.reject(new Error("not needed")),
      close: () => undefined,
    };
  }

  /** Another writer. */
  edit(change: (lease: StoredLease) => void): void {
    if (this.lease === undefined) return;
    change(this.lease);
    this.#store(this.lease);
  }

  #answer(request: TransportRequest): TransportResponse {
    const body = request.body === undefined ? undefined : (JSON.parse(request.body) as StoredLease);
    if (request.method === "POST" && body !== undefined) {
      if (this.lease !== undefined) throw new KubeError("AlreadyExists", "exists");
      this.#store(body);
    } else if (this.lease === undefined) throw new KubeError("NotFound", "gone");
    if (request.method === "PUT" && body !== undefined) {
      if (body.metadata.resourceVersion !== this.lease?.metadata.resourceVersion)
        throw new KubeError("Conflict", "changed");
      this.#store(body);
    }
    return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(this.lease) };
  }

  #store(lease: StoredLease): void {
    this.#version += 1;
    this.lease = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(this.#version) } };
  }
}
