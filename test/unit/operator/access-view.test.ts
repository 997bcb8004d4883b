import assert from "node:assert/strict";
import type { BindingObject, RoleObject } from "../../../src/access/index.ts";
import type { SecureNamespace } from "../../../src/api/index.ts";
import { type ChangeHandler, type KubeObject, Store } from "../../../src/kube/index.ts";
import { AccessView, leanRole } from "../../../src/operator/access-view.ts";
import { FakeClock } from "../kube/fake-clock.ts";

const deafAfterMs = 1_000;

/** A store that tells of what a test puts into it. */
class Source<T extends KubeObject> {
  readonly store = new Store<T>();
  readonly #handlers: ChangeHandler<T>[] = [];
  isSynced = true;
  silentForMs = 0;

  synced(): boolean {
    return this.isSynced;
  }

  health(limitMs: number) {
    return { healthy: this.silentForMs <= limitMs, detail: "" };
  }

  onChange(handler: ChangeHandler<T>) {
    this.#handlers.push(handler);
    return () => undefined;
  }

  put(object: T): void {
    this.store.put(object);
    for (const handler of this.#handlers) handler({ type: "updated", object });
  }

  delete(key: string): void {
    const object = this.store.delete(key);
    assert.ok(object);
    for (const handler of this.#handlers) handler({ type: "deleted", object });
  }
}

class World {
  readonly clock = new FakeClock();
  readonly namespaces = new Source<SecureNamespace>();
  readonly bindings = new Source<BindingObject>();
  readonly roles = new Source<RoleObject>();
  readonly clusterRoles = new Source<RoleObject>();
  readonly clusterRoleBindings = new Source<BindingObject>();
  readonly woken: string[] = [];
  readonly view = new AccessView(this, {
    identity: { namespace: "mlsecops-system", serviceAccount: "mlsecops-operator" },
    expected: { groups: ["platform"], users: [], serviceAccounts: [] },
    clock: this.clock,
    deafAfterMs,
  });

  constructor() {
    for (const name of ["shop", "bank"])
      this.namespaces.put({
        metadata: { name },
        spec: { profile: "serving", enforcement: "Audit" },
      } as unknown as SecureNamespace);
    this.clusterRoles.put(role("admin", ["secrets"]));
    this.clusterRoles.put(role("harmless", ["services"]));
    this.view.onNews((name) => this.woken.push(name));
    for (const name of ["shop", "bank"]) this.view.of(name);
  }
}

function role(name: string, resources: readonly string[], namespace?: string): RoleObject {
  const metadata = namespace === undefined ? { name } : { name, namespace };
  return { metadata, rules: [{ apiGroups: [""], resources, verbs: ["get"] }] };
}

function binding(name: string, to: string, namespace?: string, group = "devs"): BindingObject {
  return {
    metadata: namespace === undefined ? { name } : { name, namespace },
    roleRef: {
      apiGroup: "rbac.authorization.k8s.io",
      kind: to.startsWith("Role/") ? "Role" : "ClusterRole",
      name: to.replace("Role/", ""),
    },
    subjects: [{ kind: "Group", name: group }],
  };
}

describe("the view of access", () => {
  it("names the bindings of the namespace and those of the cluster, of no other namespace", () => {
    const world = new World();
    world.bindings.put(binding("a", "admin", "shop"));
    world.bindings.put(binding("b", "admin", "bank"));
    world.clusterRoleBindings.put(binding("c", "admin"));
    world.clusterRoleBindings.put(binding("d", "admin", undefined, "platform"));
    assert.deepEqual(
      world.view.of("shop")?.examples.map((one) => one.binding),
      ["RoleBinding/a", "ClusterRoleBinding/c"],
    );
  });

  it("wakes only the namespace of a changed RoleBinding or Role, at once, and only with news", () => {
    const world = new World();
    world.bindings.put(binding("harmless", "harmless", "shop"));
    world.bindings.put(binding("dangling", "Role/later", "shop"));
    assert.deepEqual(world.woken, []);
    world.bindings.put(binding("a", "admin", "shop"));
    assert.deepEqual(world.woken, ["shop"]);
    world.view.of("shop");
    world.bindings.put(binding("a", "admin", "shop"));
    assert.deepEqual(world.woken, ["shop"]);
    world.roles.put(role("later", ["secrets"], "shop"));
    assert.deepEqual(world.woken, ["shop", "shop"]);
    assert.equal(world.view.of("shop")?.count, 2);
    world.bindings.delete("shop/a");
    assert.deepEqual(world.woken, ["shop", "shop", "shop"]);
  });

  it("wakes all to whom a changed ClusterRole is news, once for all that change together", async () => {
    const world = new World();
    world.bindings.put(binding("b", "harmless", "bank"));
    world.clusterRoles.put(role("other", ["secrets"]));
    world.clusterRoles.put(role("harmless", ["secrets"]));
    world.clusterRoleBindings.put(binding("x", "missing"));
    assert.deepEqual(world.woken, []);
    await world.clock.advance(300);
    assert.deepEqual(world.woken, ["bank"]);
    world.view.of("bank");
    world.clusterRoleBindings.put(binding("c", "admin"));
    await world.clock.advance(300);
    assert.deepEqual(world.woken.slice(1).sort(), ["bank", "shop"]);
  });

  it("does not know what it could not read, or has not heard of for too long", () => {
    const world = new World();
    world.roles.isSynced = false;
    assert.equal(world.view.of("shop"), undefined);
    world.roles.isSynced = true;
    world.clusterRoles.silentForMs = deafAfterMs + 1;
    assert.equal(world.view.of("shop"), undefined);
    world.clusterRoles.silentForMs = 0;
    assert.deepEqual(world.view.of("shop"), { count: 0, examples: [] });
    assert.equal(world.view.of("nowhere"), undefined);
  });

  it("forgets a SecureNamespace that is gone, and what waits when it is closed", async () => {
    const world = new World();
    world.namespaces.delete("bank");
    world.clusterRoleBindings.put(binding("c", "admin"));
    await world.clock.advance(300);
    assert.deepEqual(world.woken, ["shop"]);
    world.clusterRoleBindings.delete("c");
    world.view.close();
    assert.equal(world.clock.timers, 0);
  });

  it("keeps of a role the rules that matter", () => {
    const rules = [...(role("a", ["services"]).rules ?? []), ...(role("a", ["secrets"]).rules ?? [])];
    const metadata = { name: "a", namespace: "shop", uid: "u", resourceVersion: "1", annotations: { a: "b" } };
    assert.deepEqual(leanRole({ metadata, rules }), {
      metadata: { name: "a", namespace: "shop", uid: "u", resourceVersion: "1" },
      rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["get"] }],
    });
    assert.deepEqual(leanRole({ metadata: { name: "a" }, rules: null }), { metadata: { name: "a" }, rules: [] });
  });
});
