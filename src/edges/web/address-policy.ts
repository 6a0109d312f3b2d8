// Which addresses we may connect to: those of the public internet, and those that the configuration allows.
import ipaddr from 'ipaddr.js';

export type Exceptions = readonly [ipaddr.IPv4 | ipaddr.IPv6, number][];

/** Parses address ranges (`10.0.0.0/8`, `fd00::/8`, a single address). Throws a TypeError that names an invalid one. */
export function exceptionsOf(ranges: readonly string[]): Exceptions {
	return ranges.map(range => {
		try {
			return range.includes('/') ? ipaddr.parseCIDR(range) : wholeOf(ipaddr.parse(range));
		} catch {
			throw new TypeError(`not a range of addresses: ${range}`);
		}
	});
}

function wholeOf(address: ipaddr.IPv4 | ipaddr.IPv6): [ipaddr.IPv4 | ipaddr.IPv6, number] {
	return [address, address.kind() === 'ipv4' ? 32 : 128];
}

/** The name of the forbidden range that an address is in; undefined if we may connect to it. */
export function forbidden(text: string, exceptions: Exceptions): string | undefined {
	// Stricter than isValid, which accepts `127.1` and `0177.0.0.1`.
	if (!ipaddr.IPv4.isValidFourPartDecimal(text) && !(text.includes(':') && ipaddr.IPv6.isValid(text)))
		return 'not an address';
	const address = ipaddr.parse(text);
	if (isExcepted(address, exceptions)) return undefined;
	if (address instanceof ipaddr.IPv4) return rangeOfIpv4(address);
	if (address.zoneId) return 'an interface of this machine';
	const carried = carriedBy(address);
	if (!carried) return rangeOfIpv6(address);
	if (!carried.routed) return `${carried.form}`;
	const bad = carried.addresses.map(inner => (isExcepted(inner, exceptions) ? undefined : rangeOfIpv4(inner)));
	const range = bad.find(found => found !== undefined);
	return range && `${range}, as ${carried.form}`;
}

function isExcepted(address: ipaddr.IPv4 | ipaddr.IPv6, exceptions: Exceptions): boolean {
	return exceptions.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits));
}

const names: Record<string, string> = {
	loopback: 'loopback',
	private: 'private',
	uniqueLocal: 'unique-local',
	linkLocal: 'link-local',
	multicast: 'multicast',
	carrierGradeNat: 'carrier-grade NAT',
	broadcast: 'broadcast',
	unspecified: 'unspecified',
	benchmarking: 'benchmark',
};

/** Ranges that stay forbidden even if the library calls them unicast: no server uses them. */
const moreIpv4 = [ipaddr.IPv4.parseCIDR('0.0.0.0/8'), ipaddr.IPv4.parseCIDR('192.88.99.0/24')];

function rangeOfIpv4(address: ipaddr.IPv4): string | undefined {
	const range = address.range();
	if (range === 'unicast' && !moreIpv4.some(([base, bits]) => address.match(base, bits))) return undefined;
	return names[range] ?? 'reserved or documentation';
}

const globalIpv6 = ipaddr.IPv6.parseCIDR('2000::/3');
const documentation = [ipaddr.IPv6.parseCIDR('2001:db8::/32'), ipaddr.IPv6.parseCIDR('3fff::/20')];

function rangeOfIpv6(address: ipaddr.IPv6): string | undefined {
	const isDocumentation = documentation.some(([base, bits]) => address.match(base, bits));
	const range = address.range();
	if (range === 'unicast' && !isDocumentation && address.match(...globalIpv6)) return undefined;
	return names[range] ?? 'reserved or documentation';
}

const prefix = (text: string) => ipaddr.IPv6.parseCIDR(text);
const mapped = prefix('::ffff:0:0/96');
const translated = prefix('::ffff:0:0:0/96');
const compatible = prefix('::/96');
const nat64 = prefix('64:ff9b::/96');
const localNat64 = prefix('64:ff9b:1::/48');
const sixToFour = prefix('2002::/16');
const teredo = prefix('2001::/32');

type Carried = { form: string; routed: boolean; addresses: ipaddr.IPv4[] };

/** The IPv4 addresses inside an IPv6 one. Forms with `routed: false` do not lead to public hosts. */
function carriedBy(address: ipaddr.IPv6): Carried | undefined {
	const bytes = address.toByteArray();
	const ipv4 = (at: number, mask = 0) => new ipaddr.IPv4(bytes.slice(at, at + 4).map(byte => byte ^ mask));
	if (address.match(...mapped)) return { form: 'an IPv4-mapped address', routed: true, addresses: [ipv4(12)] };
	if (address.match(...translated)) return { form: 'an IPv4-translated address', routed: false, addresses: [] };
	if (address.match(...nat64)) return { form: 'a NAT64 address', routed: true, addresses: [ipv4(12)] };
	if (address.match(...localNat64)) return { form: 'a local NAT64 address', routed: false, addresses: [] };
	if (address.match(...sixToFour)) return { form: 'a 6to4 address', routed: true, addresses: [ipv4(2)] };
	if (address.match(...teredo)) {
		return { form: 'a Teredo address', routed: true, addresses: [ipv4(4), ipv4(12, 0xff)] };
	}
	const isIsatap = (bytes[8] === 0 || bytes[8] === 2) && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe;
	if (isIsatap) return { form: 'an ISATAP address', routed: true, addresses: [ipv4(12)] };
	const isOwn = ['loopback', 'unspecified'].includes(address.range());
	if (address.match(...compatible) && !isOwn)
		return { form: 'an IPv4-compatible address', routed: false, addresses: [] };
	return undefined;
}
