import { isName } from "../pickle/effects.ts";
import type { Interest, Members } from "../leaf/json-document.ts";
import type { Report } from "../leaf/report.ts";

/** Parts of Keras that a config may name and that only compute. */
const plainModules =
  /^(?:keras|keras\.(?:layers|initializers|regularizers|constraints|optimizers|optimizers\.schedules|losses|metrics|activations|models|dtype_policies|src\.models\.(?:functional|sequential)))$/;
/** Layers that run code of their own, or load other files. */
const unsafe: ReadonlySet<string> = new Set(["Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer"]);
/** How Keras writes plain values. */
const values: ReadonlySet<string> = new Set([
  "__tuple__",
  "__keras_tensor__",
  "__numpy__",
  "__bytes__",
  "__typespec__",
]);

/** Lists what a Keras 3 config.json names beyond the layers that only compute. */
export function kerasInterest(report: Report): Interest {
  return {
    keys: ["class_name", "module", "registered_name"],
    onObject: (members: Members): void => {
      if (!members.has("class_name")) return;
      const [type, module, registered] = ["class_name", "module", "registered_name"].map((key) => members.get(key));
      if (typeof type !== "string" || !isName(type) || (typeof module === "string" && !isName(module))) {
        report.findings.add("UnknownNode", "an object of the Keras config has no class that can be named");
        return;
      }
      if (module === undefined && values.has(type)) return;
      const own = registered === undefined || registered === null || registered === type;
      if (typeof module !== "string" || !own || !plainModules.test(module) || unsafe.has(type) || type === "function") {
        report.types.add(`${typeof module === "string" ? module : "custom"}.${type}`);
      }
    },
  };
}
