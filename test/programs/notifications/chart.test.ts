import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { parse } from "yaml";
import { readOptions } from "../../../src/operator/options.ts";

const chart = fileURLToPath(new URL("../../../charts/mlsecops-operator", import.meta.url));

interface Deployment {
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly { args: string[] }[] } } };
}

async function optionsOf(...values: readonly string[]) {
  const sets = values.flatMap((value) => ["--set", value]);
  const template = ["template", "mlsecops-operator", chart, "--namespace", "mlsecops-system"];
  const { stdout } = await execa("helm", [...template, "-s", "templates/deployment.yaml", ...sets]);
  const { spec } = parse(stdout) as Deployment;
  return readOptions(spec.template.spec.containers[0]?.args ?? []).notifications;
}

describe("the chart's notifications", () => {
  it("are off by themselves", async () => {
    assert.deepEqual(await optionsOf(), { url: undefined, secret: undefined, plainHttpHosts: [] });
  });

  it("are what the operator reads", async () => {
    const options = await optionsOf(
      "notifications.url=https://events.example.com/in?a=1&b=x\\,y",
      "notifications.secret=event-signing-key",
      "notifications.plainHttp={events.test:8080,*.example.test}",
    );
    assert.deepEqual(options, {
      url: "https://events.example.com/in?a=1&b=x,y",
      secret: "event-signing-key",
      plainHttpHosts: ["events.test:8080", "*.example.test"],
    });
  });

  it("are refused where the operator would refuse them", async () => {
    for (const wrong of [
      "notifications.url=events.example.com",
      "notifications.url=https://a:b@c",
      "notifications.secret=A B",
    ])
      await assert.rejects(optionsOf(wrong), /notifications\/(url|secret)/);
  });
});
