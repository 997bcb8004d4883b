import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, type RequestListener, createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Egress, type EgressOptions, createAddressCheck } from "../../../src/egress/index.ts";
import { signedHeaders } from "../../../src/notify/index.ts";
import { createCertificate } from "../kube/certificates.ts";
import { Office, eventually, key } from "./office.ts";
import { modelOf } from "./support.ts";

interface Received {
  readonly request: IncomingMessage;
  readonly body: string;
}

/** Real receivers on loopback, and the real way out; only the waits in between are a test's to shorten. */
describe("the notifier, with a receiver that", () => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function receive(
    answer: (response: Parameters<RequestListener>[1], count: number) => void,
    tls?: { readonly cert: string; readonly key: string },
  ): Promise<{ readonly url: string; readonly got: readonly Received[] }> {
    const got: Received[] = [];
    const listener: RequestListener = (request, response) => {
      void text(request).then((body) => {
        got.push({ request, body });
        answer(response, got.length);
      });
    };
    const server = (tls === undefined ? createServer(listener) : createTlsServer(tls, listener)).listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return {
      url: `${tls === undefined ? "http" : "https"}://sink.test:${(server.address() as AddressInfo).port}/in`,
      got,
    };
  }

  function open(options: EgressOptions = {}): Office {
    const office = new Office((caBundle) => {
      const egress = new Egress({
        plainHttpHosts: ["*.test"],
        resolver: () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]),
        addressCheck: (address) => (address === "127.0.0.1" ? undefined : createAddressCheck([])(address)),
        caBundle,
        ...options,
      });
      closing.push(() => egress.close());
      return egress;
    });
    closing.push(() => office.close());
    return office.open();
  }

  it("takes it gets the event as it is signed", async () => {
    const { url, got } = await receive((response) => response.writeHead(204).end());
    const office = open();
    office.addSecret();
    office.promote(modelOf([{ name: "sink", url, secretRef: { name: "keys" } }]));
    assert.deepEqual(await office.settled(1), { Delivered: 1 });
    const [{ request, body }] = got as [Received];
    const { id } = JSON.parse(body) as { readonly id: string };
    assert.equal(request.method, "POST");
    assert.equal(request.url, "/in");
    assert.equal(request.headers["content-type"], "application/cloudevents+json");
    for (const [name, value] of Object.entries(signedHeaders({ id, body }, [key], office.clock.now())))
      assert.equal(request.headers[name], value);
  });

  it("fails twice gets it a third time", async () => {
    const { url, got } = await receive((response, count) => response.writeHead(count < 3 ? 503 : 200).end());
    const office = open();
    office.promote(modelOf([{ name: "sink", url }]));
    for (const seen of [1, 2]) {
      await eventually(() => (got.length === seen && office.clock.timers === 1 ? true : undefined));
      await office.clock.advance(2_000);
    }
    assert.deepEqual(await office.settled(1), { Delivered: 1 });
    assert.equal(new Set(got.map(({ body }) => body)).size, 1);
  });

  it("asks for patience gets it after that", async () => {
    const { url, got } = await receive((response, count) => {
      if (count === 1) response.writeHead(429, { "retry-after": "90" });
      response.end();
    });
    const office = open();
    office.promote(modelOf([{ name: "sink", url }]));
    await eventually(() => (office.clock.timers === 1 ? true : undefined));
    await office.clock.advance(89_000);
    assert.equal(office.clock.timers, 1);
    await office.clock.advance(1_000);
    assert.deepEqual(await office.settled(1), { Delivered: 1 });
    assert.equal(got.length, 2);
  });

  it("answers 200 with a page, however long, has it", async () => {
    const { url } = await receive((response) => {
      response.writeHead(200, { "content-type": "text/html" });
      response.write("<html>".repeat(200_000));
    });
    const office = open();
    office.promote(modelOf([{ name: "sink", url }]));
    assert.deepEqual(await office.settled(1), { Delivered: 1 });
  });

  it("redirects to the metadata address is not followed", async () => {
    for (const status of [302, 307]) {
      const { url, got } = await receive((response) =>
        response.writeHead(status, { location: "http://169.254.169.254/latest/meta-data" }).end(),
      );
      const office = open();
      office.promote(modelOf([{ name: "sink", url }]));
      assert.deepEqual(await office.settled(1), { Refused: 1 });
      assert.equal(got.length, 1);
      assert.match(office.events[0]?.note ?? "", /redirects \(30[27]\), and that is not followed/);
    }
  });

  it("is at the metadata address, or behind a name that leads there, is not reached", async () => {
    for (const url of ["http://169.254.169.254/latest", "https://metadata.test"]) {
      const office = open({
        plainHttpHosts: "All",
        resolver: () => Promise.resolve([{ address: "169.254.169.254", family: 4 }]),
      });
      office.promote(modelOf([{ name: "sink", url }]));
      assert.deepEqual(await office.settled(1), { NotAllowed: 1 });
      assert.match(office.events[0]?.note ?? "", /link-local/);
    }
  });

  it("speaks http and is not on the administrator's list is not reached", async () => {
    const { url, got } = await receive((response) => response.end());
    const office = open({ plainHttpHosts: [] });
    office.promote(modelOf([{ name: "sink", url }]));
    assert.deepEqual(await office.settled(1), { NotAllowed: 1 });
    assert.equal(got.length, 0);
    assert.match(office.events[0]?.note ?? "", /plain http to sink\.test:\d+ is not allowed/);
  });

  it("never answers is tried again", async () => {
    const { url, got } = await receive(() => undefined);
    const office = open({ timeoutMs: 100 });
    office.promote(modelOf([{ name: "sink", url }]));
    await eventually(() => (office.clock.timers === 1 ? true : undefined));
    assert.equal(got.length, 1);
    assert.deepEqual(await office.results(), {});
  });

  it("shows a certificate gets events only by the authority that the model names", async () => {
    const [right, wrong] = [createCertificate("sink.test"), createCertificate("sink.test")];
    const { url, got } = await receive((response) => response.end(), right);
    const office = open();
    office.promote(modelOf([{ name: "sink", url, caBundle: wrong.cert }]));
    await eventually(() => (office.clock.timers === 1 ? true : undefined));
    assert.equal(got.length, 0);
    office.promote(modelOf([{ name: "sink", url, caBundle: right.cert }], "other"));
    assert.deepEqual(await office.settled(1), { Delivered: 1 });
    assert.equal(got.length, 1);
  });
});
