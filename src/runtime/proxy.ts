// The operator's proxies from the environment: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, in either case.
import { Refusal } from '../answer.ts';

/** The proxy for an address; undefined: none. */
export type ProxyOf = (address: string) => URL | undefined;

const names = ['https_proxy', 'http_proxy', 'all_proxy'];

/** Undefined if no proxy is set, without loading the library. Throws a Refusal if one cannot be used. */
export async function proxiesIn(
	environment: Readonly<Record<string, string | undefined>>,
): Promise<ProxyOf | undefined> {
	const given = Object.entries(environment).filter(([name, value]) => names.includes(name.toLowerCase()) && value);
	if (given.length === 0) return undefined;
	for (const [name, value = ''] of given) {
		const url = value.includes('://') ? value : `http://${value}`;
		if (!URL.canParse(url)) throw new Refusal(`${name}: ${withoutLogin(value)} is not a proxy URL.`);
		const { protocol } = new URL(url);
		if (protocol !== 'http:' && protocol !== 'https:')
			throw new Refusal(`${name}: ${protocol}// proxies are not supported, only http:// and https://.`);
	}
	const { getProxyForUrl } = await import('proxy-from-env');
	return address => {
		// Never use a proxy for this machine, whatever NO_PROXY says.
		if (/^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i.test(new URL(address).hostname)) return undefined;
		const proxy = getProxyForUrl(address);
		return proxy ? new URL(proxy) : undefined;
	};
}

function withoutLogin(text: string): string {
	return text.replace(/^.*@/, '');
}
