import assert from "node:assert/strict";
import { isIPv4 } from "node:net";
import fc from "fast-check";
import { addressForms, createAddressCheck, parseRange } from "../../../src/egress/address.ts";

const check = createAddressCheck(["10.96.0.1/32", "fd00:1::/64", "203.0.113.7"]);

describe("addresses that no request goes to", () => {
  const cases: readonly (readonly [address: string, why: string | undefined])[] = [
    ["127.0.0.1", "loopback"],
    ["127.255.255.254", "loopback"],
    ["0.0.0.0", "unspecified"],
    ["0.1.2.3", "unspecified"],
    ["169.254.169.254", "link-local"],
    ["169.254.1.1", "link-local"],
    ["224.0.0.251", "multicast"],
    ["255.255.255.255", "reserved or broadcast"],
    ["240.0.0.1", "reserved or broadcast"],
    ["100.100.100.200", "cloud metadata"],
    ["168.63.129.16", "cloud metadata"],
    ["fd00:ec2::254", "cloud metadata"],
    ["::", "unspecified"],
    ["::1", "loopback"],
    ["0:0:0:0:0:0:0:1", "loopback"],
    ["fe80::1", "link-local"],
    ["fe80::1%eth0", "link-local"],
    ["febf:ffff::1", "link-local"],
    ["fec0::1", "link-local"],
    ["ff02::1", "multicast"],
    ["::ffff:127.0.0.1", "loopback"],
    ["::ffff:7f00:1", "loopback"],
    ["::ffff:a9fe:a9fe", "link-local"],
    ["::ffff:0:169.254.169.254", "link-local"],
    ["::127.0.0.1", "loopback"],
    ["::2", "unspecified"],
    ["::1:0", "unspecified"],
    ["64:ff9b::169.254.169.254", "link-local"],
    ["64:ff9b::a9fe:a9fe", "link-local"],
    ["64:ff9b:1::1", "tunnel"],
    ["2002:7f00:1::", "loopback"],
    ["2002:a9fe:a9fe::1", "link-local"],
    ["2001:0:1234::1", "tunnel"],
    ["10.96.0.1", "denied by the administrator"],
    ["::ffff:10.96.0.1", "denied by the administrator"],
    ["64:ff9b::10.96.0.1", "denied by the administrator"],
    ["fd00:1::5", "denied by the administrator"],
    ["203.0.113.7", "denied by the administrator"],
    ["not an address", "not an IP address"],
    ["", "not an IP address"],
    ["127.1", "not an IP address"],
    ["10.96.0.2", undefined],
    ["10.0.0.5", undefined],
    ["192.168.1.1", undefined],
    ["172.16.0.1", undefined],
    ["8.8.8.8", undefined],
    ["126.255.255.255", undefined],
    ["128.0.0.1", undefined],
    ["169.253.255.255", undefined],
    ["223.255.255.255", undefined],
    ["fd00:2::5", undefined],
    ["2606:4700::1111", undefined],
    ["::ffff:8.8.8.8", undefined],
    ["64:ff9b::8.8.8.8", undefined],
  ];
  for (const [address, why] of cases) {
    it(`${address === "" ? "(empty)" : address}: ${why ?? "allowed"}`, () => assert.equal(check(address), why));
  }

  const anyIPv4 = fc
    .tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 0, max: 255 })))
    .map((parts) => parts.join("."));

  it("judges an IPv4 address the same in every form of IPv6 that carries it", () => {
    fc.assert(
      fc.property(anyIPv4, (address) => {
        const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
        const [high, low] = [((a << 8) | b).toString(16), ((c << 8) | d).toString(16)];
        for (const form of [
          `::ffff:${address}`,
          `::ffff:${high}:${low}`,
          `0:0:0:0:0:ffff:${high}:${low}`,
          `64:ff9b::${address}`,
          `64:ff9b::${high}:${low}`,
          `::ffff:0:${address}`,
          `2002:${high}:${low}::1`,
        ]) {
          assert.equal(check(form), check(address), form);
        }
      }),
    );
  });

  it("denies every address of a denied range and finds the embedded one", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 }), (a, b) => {
        for (const address of [
          `127.0.${a}.${b}`,
          `169.254.${a}.${b}`,
          `fe8${(a & 15).toString(16)}::${b.toString(16)}`,
        ]) {
          assert.notEqual(check(address), undefined);
        }
        assert.ok(addressForms(`::ffff:1.2.${a}.${b}`).some((form) => isIPv4(form) && form === `1.2.${a}.${b}`));
      }),
    );
  });

  it("agrees with the platform on what an address is", () => {
    fc.assert(fc.property(fc.ipV6(), (address) => assert.ok(addressForms(address).length >= 1)));
    fc.assert(fc.property(fc.string(), (text) => assert.doesNotThrow(() => check(text))));
  });
});

describe("ranges in the configuration", () => {
  it("takes CIDR notation and single addresses", () => {
    assert.deepEqual(parseRange("10.0.0.0/8"), { network: "10.0.0.0", prefix: 8 });
    assert.deepEqual(parseRange("10.0.0.1"), { network: "10.0.0.1", prefix: 32 });
    assert.deepEqual(parseRange("fd00::/8"), { network: "fd00::", prefix: 8 });
    assert.deepEqual(parseRange("fd00::1"), { network: "fd00::1", prefix: 128 });
  });
  for (const text of [
    "",
    "10.0.0.0/33",
    "fd00::/129",
    "10.0.0.0/8/8",
    "10.0.0.0/",
    "10.0.0/8",
    "example.com",
    "10.0.0.0/-1",
    "10.0.0.0/1e1",
  ]) {
    it(`refuses "${text}"`, () => assert.throws(() => parseRange(text), /write it like/));
  }
});
