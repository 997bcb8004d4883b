import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { EgressError } from "../../../src/egress/index.ts";
import { Egress, isEgressError, type EgressErrorCode, type EgressOptions } from "../../../src/egress/index.ts";
import { redirectTarget } from "../../../src/egress/redirect.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

describe("Egress", () => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    await Promise.all(closing.splice(0).map((close) => close()));
  });

  async function serve(handler: Handler): Promise<{ port: number; requests: IncomingMessage[] }> {
    const requests: IncomingMessage[] = [];
    const server: Server = createServer((request, response) => {
      requests.push(request);
      handler(request, response);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return { port: (server.address() as AddressInfo).port, requests };
  }

  /** Every name leads to loopback, which is allowed here and denied everywhere else. */
  function open(options: EgressOptions = {}): Egress {
    const egress = new Egress({
      plainHttpHosts: ["*.test", "a.test", "b.test"],
      resolver: () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]),
      addressCheck: () => undefined,
      ...options,
    });
    closing.push(() => egress.close());
    return egress;
  }

  async function failure(promise: Promise<unknown>, code: EgressErrorCode): Promise<EgressError> {
    const error: unknown = await promise.then(
      () => undefined,
      (caught: unknown) => caught,
    );
    assert.ok(
      isEgressError(error, code),
      `expected ${code}, got ${String(error)} ${isEgressError(error) ? error.code : ""}`,
    );
    return error;
  }

  it("reads an answer with its status, headers and body", async () => {
    const { port, requests } = await serve((_, response) => response.writeHead(418, { "x-one": "1" }).end("tea"));
    const response = await open().request({ url: `http://a.test:${port}/path?q=1`, headers: { accept: "text/plain" } });
    assert.equal(response.status, 418);
    assert.equal(response.headers.get("x-one"), "1");
    assert.equal(response.body.toString(), "tea");
    assert.equal(requests[0]?.url, "/path?q=1");
    assert.equal(requests[0].headers.accept, "text/plain");
  });

  it("sends a body and no redirect follows it", async () => {
    const { port, requests } = await serve((_, response) => response.writeHead(307, { location: "/elsewhere" }).end());
    const response = await open().request({ method: "POST", url: `http://a.test:${port}/`, body: "event" });
    assert.equal(response.status, 307);
    assert.equal(requests.length, 1);
  });

  describe("where it goes", () => {
    it("refuses a name that leads to a denied address, after DNS", async () => {
      for (const address of ["127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1"]) {
        const egress = new Egress({
          resolver: () => Promise.resolve([{ address, family: address.includes(":") ? 6 : 4 }]),
        });
        const error = await failure(egress.request({ url: "https://registry.example.com/" }), "AddressDenied");
        assert.match(error.message, /registry\.example\.com \(.+\) must not be reached/);
        await egress.close();
      }
    });

    it("refuses what the system itself resolves to a denied address", async () => {
      const egress = new Egress();
      await failure(egress.request({ url: "https://localhost/" }), "AddressDenied");
      await egress.close();
    });

    it("refuses a name with one denied address among others", async () => {
      const egress = open({
        addressCheck: (address) => (address === "10.0.0.9" ? "denied" : undefined),
        resolver: () =>
          Promise.resolve([
            { address: "127.0.0.1", family: 4 },
            { address: "10.0.0.9", family: 4 },
          ]),
      });
      await failure(egress.request({ url: "http://a.test:1/" }), "AddressDenied");
    });

    it("connects to the very address that was checked: a second answer of DNS is never asked for", async () => {
      let asked = 0;
      const { port } = await serve((_, response) => response.end("ok"));
      const egress = open({
        resolver: () => Promise.resolve([{ address: asked++ === 0 ? "127.0.0.1" : "169.254.169.254", family: 4 }]),
        addressCheck: (address) => (address === "127.0.0.1" ? undefined : "denied"),
      });
      assert.equal((await egress.request({ url: `http://a.test:${port}/` })).status, 200);
      assert.equal(asked, 1);
    });

    for (const host of [
      "127.0.0.1",
      "127.1",
      "0x7f.1",
      "0177.0.0.1",
      "2130706433",
      "0x7f000001",
      "[::1]",
      "[::ffff:127.0.0.1]",
      "[::ffff:7f00:1]",
      "0",
      "169.254.169.254",
      "0xa9fea9fe",
      "127.0.0.1.",
    ]) {
      it(`refuses the literal ${host}`, async () => {
        const egress = new Egress({ resolver: () => assert.fail("a literal address needs no resolver") });
        await failure(egress.request({ url: `https://${host}/` }), "AddressDenied");
        await egress.close();
      });
    }

    it("refuses the addresses that the administrator gives", async () => {
      const egress = new Egress({
        deniedAddresses: ["10.96.0.0/16"],
        resolver: () => Promise.resolve([{ address: "10.96.0.1", family: 4 }]),
      });
      await failure(egress.request({ url: "https://kubernetes.default.svc/" }), "AddressDenied");
      await egress.close();
    });

    it("keeps to the list of hosts, redirects included", async () => {
      const { port } = await serve((_, response) =>
        response.writeHead(302, { location: `http://b.test:${port}/` }).end(),
      );
      const egress = open({ allowedHosts: [`a.test:${port}`, "*.allowed.test"] });
      await failure(egress.request({ url: "http://c.test/" }), "HostNotAllowed");
      await failure(egress.request({ url: "http://allowed.test/" }), "HostNotAllowed");
      await failure(egress.request({ url: "http://a.test:1/" }), "HostNotAllowed");
      await failure(egress.request({ url: `http://a.test:${port}/` }), "HostNotAllowed");
      await failure(egress.request({ url: "http://x.allowed.test:1/" }), "ConnectionFailed");
    });

    it("uses plain http only where it is listed", async () => {
      const error = await failure(
        open({ plainHttpHosts: ["a.test:80"] }).request({ url: "http://b.test/" }),
        "SchemeNotAllowed",
      );
      assert.match(error.message, /list b\.test:80 as a plain http host/);
      await failure(open({ plainHttpHosts: ["a.test:80"] }).request({ url: "http://a.test:81/" }), "SchemeNotAllowed");
    });

    for (const url of [
      "ftp://a.test/",
      "file:///etc/passwd",
      "not a url",
      "https://",
      "https://user:secret@a.test/",
      "https://secret@a.test/",
      "https://:secret@a.test/",
    ]) {
      it(`refuses ${url.replace("secret", "…")} and repeats no secret`, async () => {
        const error = await failure(open().request({ url }), "InvalidUrl");
        assert.doesNotMatch(error.message, /secret/);
      });
    }
  });

  describe("redirects", () => {
    it("follows them up to five", async () => {
      const { port } = await serve((request, response) => {
        const left = Number(request.url?.slice(1));
        if (left === 0) response.end("there");
        else response.writeHead(302, { location: `/${left - 1}` }).end();
      });
      const response = await open().request({ url: `http://a.test:${port}/5` });
      assert.equal(response.body.toString(), "there");
      assert.equal(response.url.pathname, "/0");
      await failure(open().request({ url: `http://a.test:${port}/6` }), "TooManyRedirects");
    });

    it("are only what says so and says where", async () => {
      const { port } = await serve((request, response) => {
        if (request.url === "/made") response.writeHead(201, { location: "/" });
        else response.writeHead(302);
        response.end();
      });
      assert.equal((await open().request({ url: `http://a.test:${port}/made` })).status, 201);
      assert.equal((await open().request({ url: `http://a.test:${port}/` })).status, 302);
    });

    it("checks the address of every one", async () => {
      const { port } = await serve((_, response) =>
        response.writeHead(307, { location: "http://b.test/latest/meta-data" }).end(),
      );
      const egress = open({
        resolver: (name) =>
          Promise.resolve([{ address: name === "a.test" ? "127.0.0.1" : "169.254.169.254", family: 4 }]),
        addressCheck: (address) => (address === "127.0.0.1" ? undefined : "link-local"),
      });
      await failure(egress.request({ url: `http://a.test:${port}/` }), "AddressDenied");
    });

    it("checks a literal address in one", async () => {
      const { port } = await serve((_, response) =>
        response.writeHead(307, { location: "https://169.254.169.254/" }).end(),
      );
      const egress = open({ addressCheck: (address) => (address === "127.0.0.1" ? undefined : "link-local") });
      await failure(egress.request({ url: `http://a.test:${port}/` }), "AddressDenied");
    });

    it("drops what proves who we are when the origin changes, and only then", async () => {
      const second = await serve((_, response) => response.end());
      const first = await serve((request, response) => {
        const location = request.url === "/" ? "/again" : `http://b.test:${second.port}/`;
        response.writeHead(307, { location }).end();
      });
      await open().request({
        url: `http://a.test:${first.port}/`,
        headers: { Authorization: "Bearer secret", Cookie: "secret", accept: "x/y" },
      });
      assert.deepEqual(
        first.requests.map((request) => request.headers.authorization),
        ["Bearer secret", "Bearer secret"],
      );
      assert.equal(second.requests[0]?.headers.authorization, undefined);
      assert.equal(second.requests[0]?.headers.cookie, undefined);
      assert.equal(second.requests[0]?.headers.accept, "x/y");
    });

    it("never follows one from https to plain http, also where plain http is allowed", () => {
      const from = new URL("https://a.test/");
      assert.throws(
        () => redirectTarget(from, "http://a.test/"),
        (error) => isEgressError(error, "RedirectDenied"),
      );
      assert.equal(redirectTarget(from, "/next").href, "https://a.test/next");
      assert.equal(redirectTarget(new URL("http://a.test/"), "https://b.test/").href, "https://b.test/");
    });

    it("refuses those to no URL, and those that hold a password", async () => {
      for (const location of ["http://", "gopher://a.test/", "http://u:p@b.test/"]) {
        const { port } = await serve((_, response) => response.writeHead(301, { location }).end());
        await failure(open().request({ url: `http://a.test:${port}/` }), "RedirectDenied");
      }
    });
  });

  describe("bounds", () => {
    it("takes an answer of exactly the bound and refuses one byte more", async () => {
      const { port } = await serve((_, response) => response.end(Buffer.alloc(1000)));
      const url = `http://a.test:${port}/`;
      assert.equal((await open().request({ url, maxBytes: 1000 })).body.length, 1000);
      await failure(open().request({ url, maxBytes: 999 }), "TooLarge");
    });

    it("bounds an answer that says no length", async () => {
      const { port } = await serve((_, response) => {
        const more = (): void => {
          if (response.write(Buffer.alloc(65536))) setImmediate(more);
          else response.once("drain", more);
        };
        more();
      });
      await failure(open().request({ url: `http://a.test:${port}/` }), "TooLarge");
    });

    it("ends at the deadline: before the answer, and in the middle of it", async () => {
      const silent = await serve(() => undefined);
      await failure(open().request({ url: `http://a.test:${silent.port}/`, deadlineMs: 50 }), "Timeout");
      const slow = await serve((_, response) => response.writeHead(200).write("a"));
      await failure(open().request({ url: `http://a.test:${slow.port}/`, deadlineMs: 100 }), "Timeout");
    });

    it("tells the caller's abort from a timeout", async () => {
      const { port } = await serve(() => undefined);
      const controller = new AbortController();
      const request = open().request({ url: `http://a.test:${port}/`, signal: controller.signal });
      await delay(20);
      controller.abort();
      await failure(request, "Aborted");
      await failure(open().request({ url: `http://a.test:${port}/`, signal: AbortSignal.abort() }), "Aborted");
    });

    it("leaves no listener on a signal that lives on", async () => {
      const { port } = await serve((_, response) => response.end());
      const { signal } = new AbortController();
      let listeners = 0;
      const watched = new Proxy(signal, {
        get(target, name) {
          if (name === "addEventListener") listeners++;
          if (name === "removeEventListener") listeners--;
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === "function" ? (value.bind(target) as unknown) : value;
        },
      });
      const egress = open();
      for (let round = 0; round < 3; round++) await egress.request({ url: `http://a.test:${port}/`, signal: watched });
      await failure(egress.request({ url: "http://a.test:1/", signal: watched }), "ConnectionFailed");
      assert.equal(listeners, 0);
    });

    it("frees the connection of an answer that is discarded or left half read", async () => {
      const { port } = await serve((_, response) => response.end(Buffer.alloc(5_000_000)));
      const egress = open({ maxConnectionsPerHost: 1 });
      const url = `http://a.test:${port}/`;
      (await egress.stream({ url })).body.discard();
      for await (const chunk of (await egress.stream({ url })).body) {
        assert.ok(chunk.length > 0);
        break;
      }
      assert.equal((await egress.request({ url, maxBytes: 5_000_000, deadlineMs: 2000 })).body.length, 5_000_000);
    });
  });

  describe("failures", () => {
    it("names one that cannot be resolved", async () => {
      const error = Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });
      const found = await failure(
        open({ resolver: () => Promise.reject(error) }).request({ url: "http://a.test/" }),
        "NameNotResolved",
      );
      assert.match(found.message, /check the name/);
      await failure(
        open({ resolver: () => Promise.resolve([]) }).request({ url: "http://a.test/" }),
        "NameNotResolved",
      );
    });

    it("names a refused connection, keeping the cause", async () => {
      const error = await failure(open().request({ url: "http://a.test:1/" }), "ConnectionFailed");
      assert.match(error.message, /ECONNREFUSED/);
      assert.ok(error.cause instanceof Error);
    });

    it("names a peer that speaks no TLS, and one that hangs up", async () => {
      const server = createTcpServer((socket) => {
        socket.on("error", () => undefined).resume();
        socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
      }).listen(0, "127.0.0.1");
      await once(server, "listening");
      closing.push(() => new Promise((resolve) => server.close(resolve)));
      const { port } = server.address() as AddressInfo;
      await failure(open().request({ url: `https://a.test:${port}/` }), "TlsFailed");
      const cut = await serve((_, response) => {
        response.writeHead(200, { "content-length": "100" }).write("half");
        setTimeout(() => response.destroy(), 20);
      });
      await failure(open().request({ url: `http://a.test:${cut.port}/` }), "ConnectionFailed");
    });

    it("bounds the time to connect, the handshake included", async () => {
      const server = createTcpServer((socket) => void socket.on("error", () => undefined).resume()).listen(
        0,
        "127.0.0.1",
      );
      await once(server, "listening");
      closing.push(() => new Promise((resolve) => server.close(resolve)));
      const { port } = server.address() as AddressInfo;
      await failure(open({ connectTimeoutMs: 100 }).request({ url: `https://a.test:${port}/` }), "Timeout");
    });
  });
});
