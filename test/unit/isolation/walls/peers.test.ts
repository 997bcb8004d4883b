import assert from "node:assert/strict";
import fc from "fast-check";
import { metadataRanges, openRules } from "../../../../src/isolation/walls/peers.ts";
import { containsRanges, parseCidr } from "../../../../src/reach/index.ts";
import { specOf } from "./support.ts";

const context = { namespace: "shop", isSecured: (name: string) => name === "gateway", enforcesNames: false };
const ports = [{ port: 443 }];

function egress(to: readonly unknown[], changes: Partial<typeof context> = {}) {
  const { network } = specOf({ network: { egress: [{ name: "out", to, ports }] } });
  const { rules, problems } = openRules(network, { ...context, ...changes });
  return { peers: rules[0]?.peers ?? [], hosts: rules[0]?.hosts, problems };
}
const ranges = (text: string) => parseCidr(text) ?? [];

describe("what is opened of a declared peer", () => {
  it("a SecureNamespace that is there, by its name", () => {
    const { peers, problems } = egress([{ secureNamespace: { name: "gateway", pods: { app: "web" } } }]);
    assert.deepEqual(peers, [{ kind: "Pods", namespace: "gateway", pods: { app: "web" } }]);
    assert.deepEqual(problems, []);
  });

  it("PeerMissing: nothing for one that is not there", () => {
    const { peers, problems } = egress([{ secureNamespace: { name: "gone" } }, { pods: { app: "db" } }]);
    assert.deepEqual(peers, [{ kind: "Pods", namespace: "shop", pods: { app: "db" } }]);
    assert.equal(problems[0]?.reason, "PeerMissing");
    assert.match(problems[0].message, /spec\.network\.egress out: there is no SecureNamespace gone/);
  });

  it("FqdnNotEnforceable: a name only where names are enforced", () => {
    const peer = { fqdn: "api.example.com" };
    assert.deepEqual(egress([peer]).peers, []);
    assert.equal(egress([peer]).problems[0]?.reason, "FqdnNotEnforceable");
    const enforced = egress([peer], { enforcesNames: true });
    assert.deepEqual([enforced.peers, enforced.hosts, enforced.problems], [[], ["api.example.com"], []]);
  });

  it("PeerEmpty: not the metadata service by its own address, nor what is excepted whole", () => {
    for (const cidr of [
      { block: "fd00:ec2::254/128" },
      { block: "168.63.129.16/32" },
      { block: "10.0.0.0/8", except: ["10.0.0.0/8"] },
    ]) {
      const { peers, problems } = egress([{ cidr }]);
      assert.deepEqual(peers, []);
      assert.equal(problems[0]?.reason, "PeerEmpty");
    }
  });

  it("leaves the metadata service out of wider ranges, each family its own", () => {
    const [all] = egress([{ cidr: { block: "0.0.0.0/0" } }]).peers;
    assert.ok(all?.kind === "Block");
    assert.deepEqual(all.except, ["169.254.0.0/16", "168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32"]);
    const [six] = egress([{ cidr: { block: "::/0" } }]).peers;
    assert.ok(six?.kind === "Block");
    assert.deepEqual(six.except, ["fe80::/10", "fd00:ec2::/32", "fd20:ce::254/128"]);
    assert.deepEqual(egress([{ cidr: { block: "10.0.0.0/8", except: ["10.1.0.0/16"] } }]).peers, [
      { kind: "Block", cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] },
    ]);
  });

  it("for every range: nothing of the metadata service is left, and each exception lies inside and is smaller", () => {
    const four = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }));
    const six = fc.tuple(fc.constantFrom("::", "fd00::", "fd00:ec2::", "fe80::1", "fd20:ce::254"), fc.nat(128));
    fc.assert(
      fc.property(fc.oneof(four, six), ([ip, bits]) => {
        const block = masked(ip, bits);
        const network = {
          ...specOf().network,
          egress: [{ name: "out", to: [{ cidr: { block } }], ports: [{ port: 1, protocol: "TCP" as const }] }],
        };
        const { rules, problems } = openRules(network, context);
        const [peer] = rules[0]?.peers ?? [];
        const isMetadata = metadataRanges.some((range) => containsRanges(ranges(range), ranges(block)));
        assert.equal(peer === undefined, isMetadata);
        assert.equal(problems.length, isMetadata ? 1 : 0);
        if (peer?.kind !== "Block") return;
        for (const range of peer.except) {
          assert.ok(containsRanges(ranges(block), ranges(range)));
          assert.ok(!containsRanges(ranges(range), ranges(block)));
        }
        for (const range of metadataRanges)
          if (containsRanges(ranges(block), ranges(range)))
            assert.ok(peer.except.some((except) => containsRanges(ranges(except), ranges(range))));
      }),
      { numRuns: 500 },
    );
  });
});

/** The first address of the range, as the schema wants it. */
function masked(ip: string, bits: number): string {
  const [range] = parseCidr(`${ip}/${bits}`) ?? [];
  assert.ok(range !== undefined);
  const width = range.family === 4 ? 8n : 16n;
  const groups = range.family === 4 ? 4 : 8;
  const parts = Array.from({ length: groups }, (_, index) => {
    const shift = width * BigInt(groups - 1 - index);
    return (range.first >> shift) & ((1n << width) - 1n);
  });
  const text = range.family === 4 ? parts.join(".") : parts.map((part) => part.toString(16)).join(":");
  return `${text}/${bits}`;
}
