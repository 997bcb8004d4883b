import { type SecureModel, type SecureNamespace, parseObject, secureModel } from "../api/index.ts";
import { type ImportSettings, importNetworkPolicy, importPorts } from "../importing/index.ts";
import { type DnsPlace, type ServedNetwork, declarationOf, networkWalls } from "../isolation/index.ts";
import type { Store } from "../kube/index.ts";
import type { Declaration } from "../reach/index.ts";

export interface DeclarationContext {
  readonly namespaces: Store<SecureNamespace>;
  readonly models: Store<SecureModel>;
  readonly dns: DnsPlace;
  readonly served: () => ServedNetwork;
  readonly probes: (name: string) => DnsPlace | undefined;
  /** Undefined where nothing is imported. */
  readonly imports: ImportSettings | undefined;
}

export interface Declared {
  readonly declaration: Declaration;
  /** Names of the policies of the network plugin that the operator itself keeps there. */
  readonly ownPolicies: ReadonlySet<string>;
}

/** What a namespace declares: its spec, and what the operator itself needs for the imports of its models. */
export function declarer(context: DeclarationContext): (namespace: SecureNamespace) => Declared {
  const { namespaces, models, dns, served, probes, imports } = context;
  return ({ metadata: { name }, spec }) => {
    const isSecured = (other: string) => namespaces.get(other) !== undefined;
    const options = { dns, served: served(), isSecured, probes: probes(name) };
    const others = imports === undefined ? [] : models.list(name).flatMap((model) => importPolicy(model, imports));
    const { walls } = networkWalls(name, spec, options);
    return {
      declaration: declarationOf(name, spec, { ...options, others }),
      ownPolicies: new Set(
        walls.filter(({ type }) => type.group === "cilium.io").map(({ object }) => object.metadata.name),
      ),
    };
  };
}

/** The ports that imports into a namespace need: its walls must let them through. */
export function importPortsFrom(
  models: Pick<Store<SecureModel>, "list">,
  settings: ImportSettings | undefined,
): (namespace: string) => readonly number[] {
  return (namespace) => {
    if (settings === undefined) return [];
    const ports = models.list(namespace).flatMap((model) => {
      const parsed = parseObject(secureModel, model);
      return parsed.ok && parsed.value.spec.source.import !== undefined ? importPorts(parsed.value, settings) : [];
    });
    return [...new Set(ports)].sort((a, b) => a - b);
  };
}

/** A model that cannot be read imports nothing. */
function importPolicy(model: SecureModel, settings: ImportSettings) {
  const parsed = parseObject(secureModel, model);
  return parsed.ok && parsed.value.spec.source.import !== undefined
    ? [importNetworkPolicy(parsed.value, settings)]
    : [];
}
