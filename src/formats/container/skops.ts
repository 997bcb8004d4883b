import { isName } from "../pickle/effects.ts";
import type { Interest, Members } from "../leaf/json-document.ts";
import type { Report } from "../leaf/report.ts";

/** The node types of skops 0.16. */
const nodes: ReadonlySet<unknown> = new Set(
  `BytearrayNode BytesNode CachedNode ConstructorFromReduceNode DTypeNode DefaultDictNode DictNode FunctionNode JsonNode
   ListNode LossNode MaskedArrayNode MethodNode NdArrayNode ObjectNode OperatorFuncNode PartialNode QuantileForestNode
   RandomGeneratorNode RandomStateNode ReduceNode SetNode SliceNode SparseMatrixNode TreeNode TupleNode TypeNode
   _DictWithDeprecatedKeysNode`
    .split(/\s+/)
    .filter((name) => name !== ""),
);

/** Lists the types that a skops file's schema.json names. All it builds is built from these. */
export function skopsInterest(report: Report): Interest {
  return {
    keys: ["__class__", "__module__", "__loader__"],
    onObject: (members: Members): void => {
      const [type, module, loader] = ["__class__", "__module__", "__loader__"].map((key) => members.get(key));
      if (typeof type !== "string" || typeof module !== "string" || !isName(type) || !isName(module)) {
        report.findings.add("UnknownNode", "a node of the skops file has no class and module that can be named");
        return;
      }
      if (!nodes.has(loader)) report.findings.add("UnknownNode", `a skops node of the unknown type ${String(loader)}`);
      report.types.add(`${module}.${type}`);
    },
  };
}
