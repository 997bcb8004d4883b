// Reads a layer from its standard input and prints what is in it: child.ts DESCRIPTION. It is started by scanner.ts, with
// nothing of the operator's environment, because what it reads may be made to break it.
import type { ContentFacts } from "./facts.ts";
import type { ScanLimits } from "./limits.ts";
import { scanLayer, type LayerDescription } from "./scan-layer.ts";

interface Description {
  readonly layer: LayerDescription;
  readonly limits: ScanLimits;
}

// Written by scanner.ts, so it is as it says.
const { layer, limits } = JSON.parse(process.argv[2] ?? "") as Description;
const facts: ContentFacts = await scanLayer(process.stdin, layer, limits);
process.stdout.write(JSON.stringify(facts));
// A layer of which too much is left is not read on.
process.stdin.destroy();
