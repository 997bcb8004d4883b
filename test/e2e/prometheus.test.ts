import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { apply } from "./support/kubectl.ts";
import { Load } from "./support/load.ts";
import { model, namespaceObject, policy, secret } from "./support/objects.ts";
import { Prometheus, login } from "./support/prometheus.ts";
import { becomesHealthy, goesBackTo, modelBecomes } from "./support/read.ts";
import { failsOften, isSlow, leaks } from "./support/versions.ts";
import { type World, discard, openWorld, securedNamespace, unique } from "./support/world.ts";

const MiB = 2 ** 20;

/** Real pods, scraped by a real Prometheus that the operator asks with a login and a CA of its own. */
describe("a version whose metrics are bad", function () {
  this.timeout(300_000);
  const serving = unique("metrics");
  let world: World;
  let prometheus: Prometheus | undefined;
  let load: Load | undefined;
  let good: string | undefined;

  before(async () => {
    world = await openWorld();
    prometheus = await Prometheus.start(serving);
    await apply(
      policy(serving, { references: ["**"], namespaces: [serving] }, { inline: world.artifacts.publicKey }),
      namespaceObject(serving),
      labelled(secret(serving, "prometheus-login", login)),
    );
    await world.artifacts.signedModel(serving, "v1", "metrics");
    await securedNamespace(serving, { allowedImages: [{ name: "runtime", reference: world.runtime }] });
    await apply(version({}));
    await modelBecomes(serving, "iris", "Serving", 90_000);
    const body = await readFile(join(world.artifacts.directory, "sample-request.json"), "utf8");
    load = await Load.start(serving, { model: "iris", body, expected: '"data": [0, 1, 2]' });
  });

  beforeEach(async () => {
    good ??= await becomesHealthy(serving, "iris");
  });

  after(async () => {
    await load?.stop();
    await prometheus?.stop();
    await discard(`namespace/${serving}`, `sns/${serving}`, `ctp/${serving}`);
  });

  function version(container: object): object {
    const window = { looks: 2, failures: 2 };
    const query = 'max(process_resident_memory_bytes{namespace="$namespace",pod=~"$pods"})';
    const health = {
      interval: "5s",
      warmUp: "1s",
      prometheus: { url: prometheus?.url, caBundle: prometheus?.ca, secretRef: { name: "prometheus-login" } },
      signals: [
        { name: "latency", inference: "MeanLatency", max: 0.25, window },
        { name: "errors", inference: "ErrorRatio", max: 0.1, window },
        { name: "memory", prometheus: { query }, max: 200 * MiB, window },
      ],
    };
    return model(serving, "iris", `${world.registry}/${serving}:v1`, {
      runtime: world.runtime,
      container,
      managed: { drain: "2s" },
      spec: { health, rollback: { coolDown: "1s", maxPerDay: 5 } },
    });
  }

  const rows: readonly (readonly [string, object, RegExp])[] = [
    ["that is slow is left, by the mean latency", isSlow(0.5), /latency/],
    ["that fails often is left, by the ratio of errors", failsOften, /errors/],
    ["that leaks memory is left, by a query of one's own", leaks(MiB / 8), /memory/],
  ];
  for (const [name, container, reason] of rows)
    it(name, async () => {
      await apply(version(container));
      const found = await goesBackTo(good, serving, "iris", reason);
      console.log(`      ${found?.status?.rollback?.message ?? ""}`);
      await becomesHealthy(serving, "iris");
    });
});

/** A Secret may be sent to a metrics server only where it says so. */
function labelled(object: object): object {
  const { metadata, ...rest } = object as { metadata: { labels: object } };
  return { ...rest, metadata: { ...metadata, labels: { ...metadata.labels, "mlsecops.io/use": "prometheus" } } };
}
