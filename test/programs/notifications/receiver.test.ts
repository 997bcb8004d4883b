import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Egress } from "../../../src/egress/index.ts";
import { signedHeaders } from "../../../src/notify/index.ts";
import { read } from "../../unit/api/markdown.ts";
import { Office, eventually, key } from "../../unit/notify/office.ts";
import { modelOf } from "../../unit/notify/support.ts";

/** The receiver that people are shown, as a process of its own. */
describe("the receiver of the guide", () => {
  let program: ChildProcess;
  let address: string;
  let out = "";

  before(async () => {
    const page = await read("docs/guide/notifications.md");
    const [, source] = /```js\n([\s\S]*?)```/.exec(page) ?? [];
    assert.ok(source);
    const port = await freePort();
    program = spawn(process.execPath, ["--input-type=module", "--eval", source], {
      env: { PORT: String(port), SIGNING_KEY: `whsec_${key.toString("base64")}` },
      stdio: ["ignore", "pipe", "inherit"],
    });
    program.stdout?.setEncoding("utf8").on("data", (text: string) => (out += text));
    address = `127.0.0.1:${port}`;
    await eventually(() => post({}, "").catch(() => undefined));
  });
  after(async () => {
    program.kill();
    if (program.exitCode === null && program.signalCode === null) await once(program, "exit");
  });

  async function freePort(): Promise<number> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }

  const loopback = () =>
    new Egress({
      plainHttpHosts: "All",
      resolver: () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]),
      addressCheck: () => undefined,
    });

  async function post(headers: Readonly<Record<string, string>>, body: string): Promise<number> {
    const egress = loopback();
    try {
      return (await egress.request({ method: "POST", url: `http://${address}/`, headers, body })).status;
    } finally {
      await egress.close();
    }
  }

  it("takes what the operator sends", async () => {
    const egress = loopback();
    const office = new Office(() => egress).open();
    // The receiver compares the time with its own.
    office.clock.setWall(new Date());
    office.addSecret();
    const url = `http://receiver.test:${address.split(":")[1] ?? ""}/`;
    office.promote(modelOf([{ name: "guide", url, secretRef: { name: "keys" } }]));
    assert.deepEqual(await office.settled(1), { Delivered: 1 });
    assert.match(out, /^evt_[a-f0-9]{32} revision iris-b serves instead of iris-a$/m);
    await office.close();
    await egress.close();
  });

  it("refuses what is not signed, changed, old, or signed by another key", async () => {
    const letter = { id: "evt_1", body: '{"data":{"message":"forged"}}' };
    const now = new Date();
    const right = signedHeaders(letter, [key], now);
    assert.equal(await post(right, letter.body), 204);
    const wrong: readonly (readonly [headers: Readonly<Record<string, string>>, body: string])[] = [
      [{}, letter.body],
      [right, `${letter.body} `],
      [{ ...right, "webhook-id": "evt_2" }, letter.body],
      [{ ...right, "webhook-signature": "v1,ü" }, letter.body],
      [signedHeaders(letter, [key], new Date(now.getTime() - 600_000)), letter.body],
      [signedHeaders(letter, [Buffer.alloc(32, 8)], now), letter.body],
    ];
    for (const [headers, body] of wrong) assert.equal(await post(headers, body), 401);
    const { "webhook-id": id, "webhook-signature": signature } = right;
    assert.equal(await post({ "webhook-id": id, "webhook-signature": signature }, letter.body), 401);
  });

  it("takes what is signed by an old key and a new one", async () => {
    const letter = { id: "evt_3", body: '{"data":{"message":"rotated"}}' };
    assert.equal(await post(signedHeaders(letter, [Buffer.alloc(32, 8), key], new Date()), letter.body), 204);
  });
});
